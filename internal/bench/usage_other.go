//go:build !linux

package bench

import "errors"

func readUsage(int) (usage, error) {
	return usage{}, errors.New("CPU and memory of processes are read on Linux only")
}
