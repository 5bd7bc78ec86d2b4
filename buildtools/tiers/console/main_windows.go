// Command console starts a program under wine, says how it ended, and sends it console events.
//
// On standard input it gets one line of JSON, the order, and then a line with its number for each event. At
// the end of the input it ends, and the program with all that it has started.
//
// On standard output it says, a line each:
//
//	refused ERROR  the program was not started, for this error of Windows, and that is all
//	started PID    the program runs
//	lost ERROR     an event could not be sent
//	left NAME      a program that it started still runs after its end
//	ended CODE     it has ended, with all 32 bits of its exit code, and that is all
//
// What the program prints goes to standard error. With -wait the command says so and waits: a
// program that handles no event.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// order is what to run: the words of its command line, where it starts, and its environment's own entries.
type order struct {
	Arguments   []string `json:"arguments"`
	Folder      string   `json:"folder"`
	Environment []string `json:"environment"`
}

// settling is how long a process is left alone at first: a thread that comes before its own first one has
// loaded the DLLs would do that in its place, and never get to the event.
const settling = time.Second

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-wait" {
		fmt.Fprintln(os.Stderr, "waiting")
		time.Sleep(time.Minute)
		return
	}
	input := bufio.NewReader(os.Stdin)
	wanted, err := read(input)
	if err != nil {
		fmt.Fprintln(os.Stderr, "console: no order:", err)
		os.Exit(2)
	}
	job, process, err := start(wanted)
	if err != nil {
		fmt.Println("refused", number(err))
		os.Exit(1)
	}
	fmt.Println("started", process.ProcessId)
	go obey(input, process.Process, time.Now().Add(settling))
	syscall.WaitForSingleObject(process.Process, syscall.INFINITE)
	var code uint32
	syscall.GetExitCodeProcess(process.Process, &code)
	for _, name := range members(job) {
		fmt.Println("left", name)
	}
	fmt.Println("ended", code)
}

func read(input *bufio.Reader) (order, error) {
	var wanted order
	line, err := input.ReadBytes('\n')
	if err != nil {
		return wanted, err
	}
	return wanted, json.Unmarshal(line, &wanted)
}

// obey sends the events that are asked for. Where nobody asks any more, this process ends, which closes the
// job, which ends all that is in it.
func obey(input *bufio.Reader, process syscall.Handle, settled time.Time) {
	for {
		line, err := input.ReadString('\n')
		if err != nil {
			os.Exit(1)
		}
		event, err := strconv.Atoi(strings.TrimSpace(line))
		time.Sleep(time.Until(settled))
		if err == nil {
			err = send(process, event)
		}
		if err != nil {
			fmt.Println("lost", number(err))
		}
	}
}

// number is the error of Windows, 0 for one that is not of Windows.
func number(err error) uint {
	var code syscall.Errno
	if errors.As(err, &code) {
		return uint(code)
	}
	return 0
}
