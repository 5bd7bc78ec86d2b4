// Command demo-cni is the least CNI plugin that can be chained: it hands the result of the plugin before it
// on and changes nothing. Source: containernetworking/cni:SPEC.md, version 1.0.0.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

const supported = `{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}`

func main() {
	if err := run(os.Getenv("CNI_COMMAND"), os.Stdin, os.Stdout); err != nil {
		// The specification wants errors as JSON on standard output.
		json.NewEncoder(os.Stdout).Encode(map[string]any{"cniVersion": "1.0.0", "code": 100, "msg": err.Error()})
		os.Exit(1)
	}
}

// run does one command of the specification.
func run(command string, in io.Reader, out io.Writer) error {
	switch command {
	case "VERSION":
		_, err := fmt.Fprintln(out, supported)
		return err
	case "ADD":
		return add(in, out)
	case "DEL", "CHECK", "GC", "STATUS":
		return nil
	}
	return fmt.Errorf("unknown CNI_COMMAND %q", command)
}

func add(in io.Reader, out io.Writer) error {
	var configuration struct {
		PrevResult json.RawMessage `json:"prevResult"`
	}
	if err := json.NewDecoder(in).Decode(&configuration); err != nil {
		return fmt.Errorf("the configuration is not JSON: %w", err)
	}
	if configuration.PrevResult == nil {
		return fmt.Errorf("this plugin is chained behind another one, and there is none")
	}
	_, err := fmt.Fprintf(out, "%s\n", configuration.PrevResult)
	return err
}
