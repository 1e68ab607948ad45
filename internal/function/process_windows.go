package function

import (
	"os"
	"os/exec"
)

// setProcessGroup does nothing: Windows has no process groups of this kind.
func setProcessGroup(*exec.Cmd) {}

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		p.Kill()
	}
}
