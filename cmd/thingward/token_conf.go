package main

import (
	"fmt"
	"os"

	"github.com/BurntSushi/toml"

	"github.com/thingward/thingward/pkcs11"
)

func loadTokenConfig(path string) (pkcs11.Config, error) {
	var cfg pkcs11.Config
	if path == "" {
		path = os.Getenv("THINGWARD_TOKEN_CONF")
	}
	if path == "" {
		return cfg, fmt.Errorf("set THINGWARD_TOKEN_CONF to the file that names the slots")
	}
	if _, err := toml.DecodeFile(path, &cfg); err != nil {
		return cfg, err
	}
	return cfg, nil
}
