// Journalload measures what refused connections cost those that are welcome. It starts a server, has it deliver messages at a
// steady rate, without and then with refused connection attempts beside them, and prints for both how late the messages were,
// how much CPU time the server took, and what the journal has of it:
//
//	make build && go run ./tools/journalload
//
// The attempts are of five kinds: no TLS, no certificate, a certificate that nobody knows, one that is INACTIVE, and one whose
// policies do not let the client connect. Everything runs on this machine, so run it on a quiet one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/thingward/thingward/sigv4"
)

func main() {
	log.SetFlags(0)
	binary := flag.String("thingward", "bin/thingward", "the `program`")
	duration := flag.Duration("time", time.Minute, "how `long` each half lasts")
	messages := flag.Int("messages", 10000, "messages a second")
	pairs := flag.Int("pairs", 200, "publishers, each with a subscriber of its own")
	attempts := flag.Int("attempts", 20000, "refused connection attempts a minute")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary, *duration, *messages, *pairs, *attempts); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, binary string, duration time.Duration, messages, pairs, attempts int) error {
	data, err := os.MkdirTemp("", "journalload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	s, err := start(ctx, binary, data)
	if err != nil {
		return err
	}
	defer s.stop()
	who, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	traffic, err := s.connect(ctx, who, pairs, float64(messages)/float64(pairs))
	if err != nil {
		return err
	}
	defer traffic.close()

	traffic.measure(ctx, min(duration, 5*time.Second)) // warm up
	fmt.Printf("%-22s %10s %10s %10s %10s %12s\n", "", "messages/s", "p50", "p99", "worst", "server CPU")
	half := func(name string, f func(context.Context) int) error {
		busy, err := s.cpu()
		if err != nil {
			return err
		}
		during, done := context.WithCancel(ctx)
		refused := make(chan int)
		go func() { refused <- f(during) }()
		begin := time.Now()
		late := traffic.measure(ctx, duration)
		took := time.Since(begin)
		done()
		n := <-refused
		after, err := s.cpu()
		if err != nil {
			return err
		}
		if len(late) == 0 {
			return errors.New("no message arrived")
		}
		fmt.Printf("%-22s %10.0f %10v %10v %10v %9.1f %%\n", name, float64(len(late))/took.Seconds(), late[len(late)/2], late[len(late)*99/100], late[len(late)-1],
			100*(after-busy).Seconds()/took.Seconds())
		if n > 0 {
			fmt.Printf("%-22s %d in %v\n", "refused", n, took.Round(time.Second))
		}
		return ctx.Err()
	}
	if err := half("without refusals", func(ctx context.Context) int { return 0 }); err != nil {
		return err
	}
	size, err := s.journalSize()
	if err != nil {
		return err
	}
	if err := half("with refusals", func(ctx context.Context) int { return s.attack(ctx, who, attempts) }); err != nil {
		return err
	}
	if err := half("without refusals again", func(ctx context.Context) int { return 0 }); err != nil {
		return err
	}
	grown, err := s.journalSize()
	if err != nil {
		return err
	}
	dropped, err := s.dropped(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("journal: %.1f MiB, %.1f MiB before; %d entries dropped\n", float64(grown)/(1<<20), float64(size)/(1<<20), dropped)
	return nil
}

// A server is the program under load.
type server struct {
	cmd  *exec.Cmd
	data string
	env  map[string]string
	mqtt string // address
}

func start(ctx context.Context, binary, data string) (*server, error) {
	s := &server{data: data, env: map[string]string{}}
	logFile, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	s.cmd = exec.Command(binary, "serve", "--data", data, "--mqtt", "127.0.0.1:0", "--api", "127.0.0.1:0", "--name", "localhost")
	s.cmd.Stderr = logFile
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; make it with `make build`", err)
	}
	var said strings.Builder
	b := make([]byte, 4096)
	for !strings.Contains(said.String(), "Point AWS clients") {
		n, err := out.Read(b)
		said.Write(b[:n])
		if err != nil {
			return nil, fmt.Errorf("the server did not start: %w", err)
		}
	}
	go io.Copy(io.Discard, out)
	for line := range strings.Lines(said.String()) {
		if address, ok := strings.CutPrefix(strings.TrimSpace(line), "MQTT/TLS"); ok {
			s.mqtt = strings.TrimSpace(address)
		}
	}
	text, err := os.ReadFile(filepath.Join(data, "environment"))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		s.env[name] = value
	}
	return s, err
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
}

// cpu returns the processor time that the server has taken.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2) // 100 ticks a second
}

func (s *server) journalSize() (size int64, err error) {
	files, err := filepath.Glob(filepath.Join(s.data, "journal", "*.log"))
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, err
}

// dropped asks the journal what it could not keep.
func (s *server) dropped(ctx context.Context) (n int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.env["AWS_ENDPOINT_URL"]+"/_thingward/journal?"+url.Values{"event": {"Journal"}, "limit": {"1000"}}.Encode(), nil)
	if err != nil {
		return 0, err
	}
	sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: s.env["AWS_ACCESS_KEY_ID"], Secret: s.env["AWS_SECRET_ACCESS_KEY"]}, s.env["AWS_REGION"], "iot", time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var page struct {
		Entries []struct {
			Details string `json:"details"`
		} `json:"entries"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		return 0, err
	}
	for _, e := range page.Entries {
		count, _, _ := strings.Cut(e.Details, " ")
		k, err := strconv.Atoi(count)
		if err != nil {
			return 0, err
		}
		n += k
	}
	return n, nil
}

// sorted returns what late has, in order.
func sorted(late []time.Duration) []time.Duration {
	slices.Sort(late)
	return late
}
