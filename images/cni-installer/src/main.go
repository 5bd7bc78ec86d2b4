// Command cni-installer puts a CNI plugin on a node and takes it away again when it is stopped: it copies
// the plugin's program, adds the plugin to the network configuration that is there, keeps it there when
// somebody rewrites that configuration, and undoes exactly what it did. On Windows it runs as a
// HostProcess container, on Linux with the node's directories mounted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run is main with its world handed in; the end of ctx is a stop signal.
func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet("cni-installer", flag.ContinueOnError)
	flags.SetOutput(out)
	provider := flags.String("provider", defaultProvider(), "where the node keeps things: "+strings.Join(names(), ", "))
	plugin := flags.String("plugin", "", "the plugin's program (default: demo-cni beside this program)")
	bin := flags.String("bin-dir", os.Getenv("CNI_BIN_DIR"), "the node's directory of plugins (default: the provider's)")
	conf := flags.String("conf", os.Getenv("CNI_CONF"), "pattern of the configuration to chain into (default: the provider's)")
	interval := flags.Duration("interval", 5*time.Second, "how often to look whether the configuration was rewritten")
	once := flags.Bool("once", false, "install and exit")
	undo := flags.Bool("undo", false, "undo an earlier installation and exit")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	place, known := providers[*provider]
	if !known {
		fmt.Fprintf(out, "unknown provider %q: use one of %s\n", *provider, strings.Join(names(), ", "))
		return 2
	}
	if missing := unset(or(*bin, place.bin), or(*conf, place.conf), *undo); missing != "" {
		fmt.Fprintf(out, "provider %s has no fixed directories: set %s\n", *provider, missing)
		return 2
	}
	i := installer{
		plugin: ownPath(*plugin),
		bin:    or(*bin, place.bin),
		conf:   or(*conf, place.conf),
		log:    out,
	}
	var err error
	switch {
	case *undo:
		err = i.undo()
	case *once:
		err = i.install()
	default:
		err = i.keep(ctx, *interval)
	}
	if err != nil {
		fmt.Fprintln(out, "error:", err)
		return 1
	}
	return 0
}

// place is where a kind of node keeps its plugins and which configuration its runtime reads.
type place struct{ bin, conf string }

var providers = map[string]place{
	"linux":      {"/opt/cni/bin", "/etc/cni/net.d/*.conflist"},
	"containerd": {`C:\Program Files\containerd\cni\bin`, `C:\Program Files\containerd\cni\conf\*.conflist`},
	"aks":        {`C:\k\azurecni\bin`, `C:\k\azurecni\netconf\*.conflist`},
	// K2s keeps its plugins and their configuration below the directory that it was installed to, which
	// nothing on the node tells us: the caller must say where.
	"k2s": {},
}

// unset names the flags that the caller must set. To undo, the state beside the program is enough.
func unset(bin, conf string, undo bool) string {
	var all []string
	if bin == "" {
		all = append(all, "-bin-dir or CNI_BIN_DIR")
	}
	if conf == "" && !undo {
		all = append(all, "-conf or CNI_CONF")
	}
	return strings.Join(all, ", and ")
}

func defaultProvider() string {
	if runtime.GOOS == "windows" {
		return "containerd"
	}
	return "linux"
}

func names() []string {
	var all []string
	for name := range providers {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

func or(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// ownPath finds a file of this image. A HostProcess container sees the node's C:\ and has the image mounted
// elsewhere, so the plugin is looked for beside the running program. A relative path starts where the
// runtime says, in the environment, that it mounted the image.
func ownPath(path string) string {
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			self = os.Args[0]
		}
		name := "demo-cni"
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		return filepath.Join(filepath.Dir(self), name)
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(os.Getenv("CONTAINER_SANDBOX_MOUNT_POINT"), path)
}
