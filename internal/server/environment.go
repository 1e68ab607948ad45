package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// environmentFile holds the variables that point AWS clients at the server, access key included: mode 0600.
const environmentFile = "environment"

// Environment returns the variables that point the AWS CLI and SDKs at the server, as NAME=value.
func (s *Server) Environment() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + s.key.ID,
		"AWS_SECRET_ACCESS_KEY=" + s.key.Secret,
		"AWS_REGION=" + s.cfg.region(),
		"AWS_DEFAULT_REGION=" + s.cfg.region(),
		"AWS_ENDPOINT_URL=" + s.Endpoint(),
	}
}

// Variables is Environment by name.
func (s *Server) Variables() map[string]string {
	m := map[string]string{}
	for _, v := range s.Environment() {
		name, value, _ := strings.Cut(v, "=")
		m[name] = value
	}
	return m
}

// EnvironmentFile is where the variables stand on disk, empty when nothing is kept.
func (s *Server) EnvironmentFile() string { return s.cfg.path(environmentFile) }

func (s *Server) writeEnvironment(context.Context) error {
	if s.cfg.Ephemeral {
		return nil
	}
	text := strings.Join(s.Environment(), "\n") + "\n"
	name := s.EnvironmentFile()
	if old, err := os.ReadFile(name); err == nil && string(old) == text {
		return nil
	}
	temp := name + ".new"
	if err := errors.Join(os.WriteFile(temp, []byte(text), 0o600), os.Rename(temp, name)); err != nil {
		return fmt.Errorf("environment file: %w", err)
	}
	return nil
}

// ReadEnvironment returns the variables of the server whose data directory this is, as they were at its last start.
func ReadEnvironment(data string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(data, environmentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no server has been started with data directory %s: start one with `thingward serve --data %s`", data, data)
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), nil
}
