package function_test

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/thingward/thingward/internal/function"
)

// nodeModules returns the directory with npm's aws-sdk.
func nodeModules(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(cmp.Or(os.Getenv("THINGWARD_NODE_PATH"), "../../build/node/node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "aws-sdk")); errors.Is(err, fs.ErrNotExist) {
		t.Fatal("npm's aws-sdk is not there: run tools/test-deps, or set THINGWARD_NODE_PATH to a directory of modules")
	}
	return dir
}

// TestSDKVersion2 shows that all of its entrances lead to our endpoint, and that a function's own choice is respected.
func TestSDKVersion2(t *testing.T) {
	s := newService(t, function.Config{NodePath: nodeModules(t), Endpoint: func() string { return "http://127.0.0.1:8080" }})
	f := func(name, code, want string) {
		t.Helper()
		create(t, s, name, `exports.handler = async () => { `+code+` }`)
		if r := invoke(t, s, name, ""); string(r.Payload) != want {
			t.Errorf("%s: got %s, want %s", code, r.Payload, want)
		}
	}
	const ours = `"http://127.0.0.1:8080/"`
	f("all", `const AWS = require('aws-sdk'); return new AWS.Iot().endpoint.href`, ours)
	f("one", `const Iot = require('aws-sdk/clients/iot'); return new Iot().endpoint.href`, ours)
	f("global", `const AWS = require('aws-sdk/global'); require('aws-sdk/clients/iot'); return new AWS.Iot().endpoint.href`, ours)
	f("own", `const AWS = require('aws-sdk'); return new AWS.Iot({ endpoint: 'http://own' }).endpoint.href`, `"http://own/"`)
}
