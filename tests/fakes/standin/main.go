// Command standin is a small HTTP server that stops in the way that it was compiled or told to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// handles is what the program makes of being stopped: drain, ctrl-c, ignore or nothing.
var handles = "drain"

// address is the name of a variable with the address to listen on, for a program without arguments.
var address = ""

func main() {
	listen := flag.String("addr", os.Getenv(address), "listen here")
	flag.StringVar(&handles, "handles", handles, "drain, ctrl-c (drains on that only), ignore or nothing")
	end := flag.Int("end", -1, "end with this code at once")
	child := flag.String("child", "", "start another one, which listens here and handles nothing")
	environment := flag.String("environment", "", "print this variable, the working directory and the arguments")
	flag.Parse()
	if *environment != "" {
		folder, _ := os.Getwd()
		fmt.Println(os.Getenv(*environment))
		fmt.Println(folder)
		fmt.Println(flag.Args())
	}
	if *child != "" {
		if err := exec.Command(os.Args[0], "-addr", *child, "-handles", "nothing").Start(); err != nil {
			fmt.Println("child:", err)
		}
	}
	if *end >= 0 {
		fmt.Println("ending early")
		os.Exit(*end)
	}
	os.Exit(serve(*listen))
}

func serve(address string) int {
	stop := make(chan os.Signal, 2)
	switch handles {
	case "drain":
		signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	case "ctrl-c":
		signal.Notify(stop, os.Interrupt)
	case "ignore":
		signal.Notify(make(chan os.Signal, 2), os.Interrupt, syscall.SIGTERM)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println("listen:", err)
		return 1
	}
	http.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	http.HandleFunc("/live", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "live") })
	http.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Second)
		fmt.Fprintln(w, "done")
	})
	server := &http.Server{}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Println("serve:", err)
		}
	}()
	fmt.Println("asked to stop:", <-stop)
	if err := server.Shutdown(context.Background()); err != nil {
		return 1
	}
	return 0
}
