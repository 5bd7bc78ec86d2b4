package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// levels are the names that Linkerd's programs know. slog has no trace and no off.
var levels = map[string]slog.Level{
	"trace": slog.LevelDebug - 4,
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
	"off":   slog.LevelError + 4,
}

// target is this program's name in a filter like "warn,linkerd=info"; a directive for its beginning counts.
const target = "linkerd_network_validator"

// parseLevel reads a filter as Linkerd writes it: levels for everything, levels for named parts, or both.
// The longest name that is ours wins; what no directive speaks of logs errors only.
func parseLevel(text string) (slog.Level, error) {
	chosen, longest := slog.LevelError, 0
	for _, directive := range strings.Split(text, ",") {
		part, name, named := strings.Cut(strings.TrimSpace(directive), "=")
		if !named {
			part, name = "", part
		}
		level, known := levels[strings.ToLower(name)]
		if !known {
			return 0, fmt.Errorf("unknown log level %q: use trace, debug, info, warn, error or off", directive)
		}
		if strings.HasPrefix(target, part) && len(part) >= longest {
			chosen, longest = level, len(part)
		}
	}
	return chosen, nil
}

// newLogs makes a log for each stream, in one of Linkerd's formats.
func newLogs(filter, format string, stdout, stderr io.Writer) (log, faults *slog.Logger, err error) {
	level, err := parseLevel(filter)
	if err != nil {
		return nil, nil, err
	}
	options := &slog.HandlerOptions{Level: level}
	switch strings.ToLower(format) {
	case "plain":
		return slog.New(slog.NewTextHandler(stdout, options)), slog.New(slog.NewTextHandler(stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(stdout, options)), slog.New(slog.NewJSONHandler(stderr, options)), nil
	}
	return nil, nil, fmt.Errorf("unknown log format %q: use plain or json", format)
}
