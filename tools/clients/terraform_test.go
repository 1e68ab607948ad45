package clients

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var record = flag.Bool("record", false, "write testdata/terraform/recording.jsonl from a run of the real terraform")

const terraformRecording = "testdata/terraform/recording.jsonl"

// TestTerraform makes the resources of testdata/terraform with the real terraform and its AWS provider: apply, a second
// plan that finds nothing to do, destroy, nothing left. Terraform comes neither from Debian nor from npm, so a machine may
// not have it; there [TestTerraformRecording] is the test, which runs everywhere and sends what terraform sent.
func TestTerraform(t *testing.T) {
	program, err := exec.LookPath("terraform")
	if err != nil {
		if *record {
			t.Fatal(err)
		}
		t.Log("terraform is not installed: TestTerraformRecording sends what it sent")
		return
	}
	t.Parallel()
	r, s := newRecorder(t)
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range r.inputs {
		write(name, content)
	}
	config, err := os.ReadFile("testdata/terraform/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	write("main.tf", string(config))
	write("terraformrc", providerInstallation())
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append(args, "-no-color", "-input=false")...)
		cmd.Dir = dir
		v := s.Variables()
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "terraformrc"), "CHECKPOINT_DISABLE=1",
			"AWS_ACCESS_KEY_ID="+v["AWS_ACCESS_KEY_ID"], "AWS_SECRET_ACCESS_KEY="+v["AWS_SECRET_ACCESS_KEY"], "AWS_SESSION_TOKEN=",
			"AWS_CONFIG_FILE="+filepath.Join(dir, "config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "credentials"),
			"AWS_ENDPOINT_URL="+r.url, "AWS_PROFILE=", "NO_PROXY=*")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
		}
	}
	run("init")
	run("apply", "-auto-approve")
	run("plan", "-detailed-exitcode") // 2, an error, when there is something to do
	run("destroy", "-auto-approve")
	nothingLeft(t, r)
	if *record {
		r.save()
	}
}

// providerInstallation tells terraform where its provider is: in a directory of the machine, or where it usually looks.
func providerInstallation() string {
	for _, dir := range []string{"/opt/tf-plugins", "/usr/share/terraform/plugins"} {
		if _, err := os.Stat(dir); err == nil {
			return fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\n", dir)
		}
	}
	return ""
}

// TestTerraformRecording sends to a new server what terraform sent to one, and wants the same answers: status, name of the
// error and body. What a server mints - ids, certificates, times - gets a name when it is first seen, so that it may
// differ while every later mention of it must agree. The file was written by TestTerraform with -record, with Terraform
// 1.11.4 and its AWS provider 5.100.0; repeated reads are left out.
func TestTerraformRecording(t *testing.T) {
	file, err := os.ReadFile(terraformRecording)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := newRecorder(t)
	var n int
	for line := range strings.Lines(string(file)) {
		n++
		var want exchange
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		got := r.send(&want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s:%d: %s %s (-recorded +now):\n%s", terraformRecording, n, want.Method, want.Path, diff)
		}
	}
	nothingLeft(t, r)
}

// nothingLeft checks that every list of what terraform made is empty.
func nothingLeft(t *testing.T, r *recorder) {
	t.Helper()
	allowed := map[string]int{"/domainConfigurations": 1} // iot:Data-ATS is always there
	for _, path := range []string{"/things", "/thing-types", "/thing-groups", "/billing-groups", "/policies", "/certificates", "/cacertificates",
		"/rules", "/role-aliases", "/domainConfigurations"} {
		got := r.send(&exchange{Service: "iot", Method: http.MethodGet, Path: path})
		answer, _ := got.Answer.(map[string]any)
		for name, list := range answer {
			if list, ok := list.([]any); got.Status != http.StatusOK || ok && len(list) > allowed[path] {
				t.Errorf("%s: %d %s: %v", path, got.Status, name, list)
			}
		}
	}
}

// What docs/terraform.md shows is a part of what the test runs.
func TestTerraformPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/terraform.md")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("testdata/terraform/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "```hcl\n")
	shown, _, _ = strings.Cut(shown, "```")
	blocks := strings.SplitAfter(shown, "\n}\n")
	for _, block := range blocks[:len(blocks)-1] {
		if !strings.Contains(string(config), strings.TrimSpace(block)) {
			t.Errorf("testdata/terraform/main.tf has no\n%s", block)
		}
	}
	if len(blocks) < 4 {
		t.Errorf("docs/terraform.md shows %d blocks", len(blocks)-1)
	}
}
