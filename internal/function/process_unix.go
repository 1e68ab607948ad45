//go:build unix && !linux

package function

import (
	"os/exec"
	"syscall"
)

// setProcessGroup makes cmd the leader of a process group of its own. Only Linux can tie its life to ours as well.
func setProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

func killGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }
