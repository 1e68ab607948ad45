package function

import (
	"context"
	_ "embed"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/thingward/thingward"
)

//go:embed node/bootstrap.js
var nodeBootstrap []byte

// searchPath is all that functions get of the server's search path.
const searchPath = "/usr/local/bin:/usr/bin:/bin"

// command returns the program that runs f, whose code is in dir, with its environment.
func (s *Service) command(ctx context.Context, scope thingward.Scope, f *Function, dir string) (*exec.Cmd, error) {
	env, err := s.environment(ctx, scope, f, dir)
	if err != nil {
		return nil, err
	}
	var cmd *exec.Cmd
	if isNode(f.Runtime) {
		node, err := s.node()
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(node, s.bootstrap)
	} else {
		file := filepath.Join(dir, "bootstrap")
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			return nil, thingward.Errorf(InvalidRuntimeException, "function %s has no file named bootstrap at the top of its zip file, which runtime %s wants to run", f.Name, f.Runtime)
		}
		cmd = exec.Command(file)
	}
	cmd.Env = env
	return cmd, nil
}

func (s *Service) node() (string, error) {
	if s.config.Node != "" {
		return s.config.Node, nil
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return "", thingward.Errorf(InvalidRuntimeException, "functions of runtime nodejs… need Node.js, and there is no program node in PATH: install it (Debian: apt-get install nodejs; or https://nodejs.org) or use runtime provided")
	}
	return filepath.Abs(node)
}

// environment returns the whole environment of a process except AWS_LAMBDA_RUNTIME_API. Nothing of
// the server's own is in it.
func (s *Service) environment(ctx context.Context, scope thingward.Scope, f *Function, dir string) ([]string, error) {
	set := map[string]string{"PATH": searchPath, "LANG": "en_US.UTF-8", "TZ": ":UTC"}
	if isNode(f.Runtime) {
		set["AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE"] = "1"
		if s.config.NodePath != "" {
			set["NODE_PATH"] = s.config.NodePath
		}
	}
	if f.Environment != nil {
		maps.Copy(set, f.Environment.Variables)
	}
	maps.Copy(set, map[string]string{
		"_HANDLER":                        f.Handler,
		"LAMBDA_TASK_ROOT":                dir,
		"LAMBDA_RUNTIME_DIR":              filepath.Dir(s.bootstrap),
		"AWS_REGION":                      scope.Region,
		"AWS_DEFAULT_REGION":              scope.Region,
		"AWS_EXECUTION_ENV":               "AWS_Lambda_" + f.Runtime,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     f.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemorySize),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      f.RevisionID,
	})
	if s.config.Endpoint != nil {
		set["AWS_ENDPOINT_URL"] = s.config.Endpoint()
	}
	if s.config.Credentials != nil {
		c, err := s.config.Credentials(ctx, scope)
		if err != nil {
			return nil, err
		}
		set["AWS_ACCESS_KEY_ID"], set["AWS_SECRET_ACCESS_KEY"] = c.AccessKeyID, c.SecretAccessKey
		if c.SessionToken != "" {
			set["AWS_SESSION_TOKEN"] = c.SessionToken
		}
	}
	env := make([]string, 0, len(set)+1)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		env = append(env, name+"="+set[name])
	}
	return env, nil
}
