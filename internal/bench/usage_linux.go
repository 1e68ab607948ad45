package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// readUsage reads /proc/PID/stat. The kernel counts CPU there in hundredths of a second, whatever its own clock is.
func readUsage(pid int) (usage, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	// The second field is a name in parentheses, which may hold anything.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 22 {
		return usage{}, fmt.Errorf("/proc/%d/stat is too short", pid)
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(string(fields[field-3]), 10, 64)
		return n
	}
	const user, system, rss = 14, 15, 24 // their numbers in proc(5)
	return usage{cpu: time.Duration(number(user)+number(system)) * 10 * time.Millisecond, rss: number(rss) * int64(os.Getpagesize())}, nil
}
