//go:build !windows

package main

import (
	"os"
	"strings"
)

// osVersion is the kernel's release, empty where it cannot be read.
func osVersion() string {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(release))
}
