// Command whoami is an HTTP server that says on which operating system, processor and Windows build it
// runs. It drains requests in flight when it is told to stop, and serves as its own health check, since
// the smallest Windows base has no curl.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

const version = "1.0.0"

// mostPrinted is how many bytes of an answer a probe prints.
const mostPrinted = 1 << 20

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its world handed in; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("whoami", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", ":8080", "listen on this address")
	drain := flags.Duration("drain", 10*time.Second, "how long requests in flight may take after a stop")
	probe := flags.String("probe", "", "ask this URL, print what it says, and exit with 0 if that is a success, else 1")
	show := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	switch {
	case *show:
		fmt.Fprintln(stdout, version)
		return 0
	case *probe != "":
		return ask(*probe, stdout, stderr)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(stderr, "listen:", err)
		return 1
	}
	// On Windows Go turns CTRL_CLOSE, CTRL_LOGOFF and CTRL_SHUTDOWN into SIGTERM, Ctrl-C and Ctrl-Break
	// into an interrupt, and holds the process until the handler's program ends.
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	fmt.Fprintf(stdout, "listening on %s (%s/%s %s)\n", listener.Addr(), runtime.GOOS, runtime.GOARCH, osVersion())
	return serve(listener, stop, *drain, stdout)
}

// serve answers until a signal comes, then refuses new work, finishes what is in flight and returns the
// exit code: 0 if all was finished within drain. A second signal ends it at once.
func serve(listener net.Listener, stop <-chan os.Signal, drain time.Duration, log io.Writer) int {
	handler := newHandler()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       60 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		fmt.Fprintln(log, "serve:", err)
		return 1
	case got := <-stop:
		fmt.Fprintf(log, "received %v, draining\n", got)
	}
	handler.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	go func() {
		<-stop
		cancel()
	}()
	if err := server.Shutdown(ctx); err != nil {
		fmt.Fprintln(log, "not drained:", err)
		return 1
	}
	fmt.Fprintln(log, "drained")
	return 0
}

// ask is the health check: it prints what url says and reports whether that has a status of success.
func ask(url string, stdout, stderr io.Writer) int {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		fmt.Fprintln(stderr, "probe:", err)
		return 1
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		fmt.Fprintln(stderr, "probe:", response.Status)
		return 1
	}
	if _, err := io.Copy(stdout, io.LimitReader(response.Body, mostPrinted)); err != nil {
		fmt.Fprintln(stderr, "probe:", err)
		return 1
	}
	return 0
}
