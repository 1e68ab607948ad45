package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// jsonFile is a block of a page that stands for a file: its name follows the language.
var jsonFile = regexp.MustCompile("(?m)^```json (\\S+)\\n((?s:.*?))^```$")

// TestPoliciesPage runs docs/policies.md from top to bottom, with its files in an empty directory and a server that has just been started.
func TestPoliciesPage(t *testing.T) {
	page, err := filepath.Abs("../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, m := range jsonFile.FindAllStringSubmatch(string(text), -1) {
		if err := os.WriteFile(m[1], []byte(m[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	aws, err := exec.LookPath("aws")
	if err != nil {
		t.Fatalf("%v: tools/test-deps installs what the tests need", err)
	}
	if err := os.Mkdir("bin", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("bin/aws", []byte("#!/bin/sh\nexec "+aws+" --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n"), 0o755); err != nil { // an old one does not know the variable
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(here, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("XDG_DATA_HOME", here)
	server := transcript{want: []string{"Thingward is ready. Account …, region us-east-1.", "  MQTT/TLS …", "  AWS API …", "  data …", "  CA file …", "  access key …"}}
	server.start(t, "thingward serve --mqtt 127.0.0.1:0 --api 127.0.0.1:0")
	variables, err := os.ReadFile("thingward/environment")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(variables)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		t.Setenv(name, value)
	}
	t.Setenv("AWS_PAGER", "")
	commands := readConsole(t, page)
	if len(commands) < 15 {
		t.Fatalf("%d commands in the page", len(commands))
	}
	for _, c := range commands {
		c.run(t)
	}
}
