// Reads octet-counted syslog messages (RFC 6587, 3.4.1) from standard input and prints what go-syslog makes of each, one JSON object a line.
// The argument is the header style: rfc5424 or rfc3164.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc3164"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

type record struct {
	Error     string                        `json:"error,omitempty"`
	Facility  *uint8                        `json:"facility"`
	Severity  *uint8                        `json:"severity"`
	Timestamp *time.Time                    `json:"timestamp"`
	Hostname  *string                       `json:"hostname"`
	Appname   *string                       `json:"appname"`
	ProcID    *string                       `json:"procId"`
	MsgID     *string                       `json:"msgId"`
	Message   *string                       `json:"message"`
	Data      *map[string]map[string]string `json:"data"`
	// Behind RFC 3164 our Syslog text has an element of the form of RFC 5424 in front: what go-syslog makes of that.
	Behind *record `json:"behind,omitempty"`
}

func main() {
	if len(os.Args) != 2 {
		fatal(errors.New("the header style is missing: rfc5424 or rfc3164"))
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		frame, err := readFrame(in)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fatal(err)
		}
		if err := out.Encode(parse(os.Args[1], frame)); err != nil {
			fatal(err)
		}
	}
}

func readFrame(in *bufio.Reader) ([]byte, error) {
	digits, err := in.ReadString(' ')
	if err != nil {
		return nil, io.EOF
	}
	size, err := strconv.Atoi(digits[:len(digits)-1])
	if err != nil {
		return nil, err
	}
	frame := make([]byte, size)
	_, err = io.ReadFull(in, frame)
	return frame, err
}

func parse(style string, frame []byte) record {
	var machine syslog.Machine
	if style == "rfc3164" {
		// The header has no year; one with a 29th of February takes every date.
		machine = rfc3164.NewParser(rfc3164.WithYear(rfc3164.Year{YYYY: 2024}))
	} else {
		machine = rfc5424.NewParser()
	}
	message, err := machine.Parse(frame)
	if err != nil {
		return record{Error: err.Error()}
	}
	switch m := message.(type) {
	case *rfc5424.SyslogMessage:
		return record{Facility: m.Facility, Severity: m.Severity, Timestamp: m.Timestamp, Hostname: m.Hostname, Appname: m.Appname, ProcID: m.ProcID, MsgID: m.MsgID, Message: m.Message, Data: m.StructuredData}
	case *rfc3164.SyslogMessage:
		read := record{Facility: m.Facility, Severity: m.Severity, Timestamp: m.Timestamp, Hostname: m.Hostname, Appname: m.Appname, ProcID: m.ProcID, MsgID: m.MsgID, Message: m.Message}
		if m.Message != nil && strings.HasPrefix(*m.Message, "[") {
			behind := parse("rfc5424", []byte("<0>1 - - - - - "+*m.Message))
			read.Behind = &behind
		}
		return read
	default:
		return record{Error: fmt.Sprintf("unexpected %T", message)}
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
