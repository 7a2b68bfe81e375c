// The Splunk HEC intake of the OpenTelemetry collector, by itself: `otel-hec PORT FILE`. Each event is a JSON line in FILE before its request is answered.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/splunkhecreceiver"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

func main() {
	file, err := os.OpenFile(os.Args[2], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fail(err)
	}
	sink, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
		_, err := file.Write(linesOf(logs))
		return err
	})
	if err != nil {
		fail(err)
	}
	factory := splunkhecreceiver.NewFactory()
	config := factory.CreateDefaultConfig().(*splunkhecreceiver.Config)
	config.Endpoint = "127.0.0.1:" + os.Args[1]
	intake, err := factory.CreateLogsReceiver(context.Background(), receivertest.NewNopCreateSettings(), config, sink)
	if err != nil {
		fail(err)
	}
	if err := intake.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		fail(err)
	}
	select {}
}

func linesOf(logs plog.Logs) []byte {
	var lines []byte
	for i := 0; i < logs.ResourceLogs().Len(); i++ {
		resource := logs.ResourceLogs().At(i)
		for j := 0; j < resource.ScopeLogs().Len(); j++ {
			records := resource.ScopeLogs().At(j).LogRecords()
			for k := 0; k < records.Len(); k++ {
				record := records.At(k)
				line, err := json.Marshal(map[string]any{"event": record.Body().AsRaw(), "fields": record.Attributes().AsRaw(), "resource": resource.Resource().Attributes().AsRaw(), "time": record.Timestamp().AsTime().UnixMilli()})
				if err != nil {
					fail(err)
				}
				lines = append(append(lines, line...), '\n')
			}
		}
	}
	return lines
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
