// Million fills a data directory with things and certificates and measures the server on it:
//
//	go build -o /tmp/thingward ./cmd/thingward
//	go run ./tools/million -binary /tmp/thingward -data /tmp/million -n 1000000
//
// Every thing has two attributes and a certificate of its own, attached to it and to one policy. The rows are written
// through package store, a few thousand to a transaction, and are what CreateThing, RegisterCertificateWithoutCA,
// AttachThingPrincipal and AttachPolicy write. A directory that is there is measured as it is.
//
// Then the server is started, and called over HTTP with signatures: ListCertificates and ListThings from the first page to the
// last, DescribeThing and DescribeCertificate of random ones, and /healthz, which shows what the machine and HTTP take. The figures go to standard output; wall-clock times mean something on a
// quiet machine only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/sigv4"
)

var (
	binary   = flag.String("binary", "bin/thingward", "the server's `program`")
	data     = flag.String("data", "", "data `directory`, filled when it is not there")
	count    = flag.Int("n", 1_000_000, "`number` of things, and of certificates")
	requests = flag.Int("requests", 50_000, "`number` of requests per operation")
	fillOnly = flag.Bool("fill", false, "only make the data")
)

var (
	scope = thingward.Scope{Account: "111122223333", Region: "us-east-1"}
	key   = sigv4.Credentials{AccessKeyID: "AKIAMILLION000000000", Secret: "secret-of-a-million-things"}
)

func thingName(i int) string { return fmt.Sprintf("thing-%07d", i) }

func main() {
	log.SetFlags(log.Ltime)
	flag.Parse()
	if *data == "" {
		log.Fatal("name a directory with -data")
	}
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(*data, "thingward.db")); errors.Is(err, os.ErrNotExist) {
		begun := time.Now()
		if err := fill(ctx, *data, *count); err != nil {
			return err
		}
		log.Printf("%d things and certificates made in %v", *count, time.Since(begun).Round(time.Second))
	}
	if *fillOnly {
		return nil
	}
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Printf("%-28s %8s %10s %10s %10s %12s\n", "", "requests", "p50", "p99", "max", "CPU/request")
	certificates, err := s.list("ListCertificates", "/certificates?isAscendingOrder=true&pageSize=250", "marker")
	if err != nil {
		return err
	}
	things, err := s.list("ListThings", "/things?maxResults=250", "nextToken")
	if err != nil {
		return err
	}
	err = errors.Join(
		s.report("/healthz, for comparison", *requests, func() string { return "/healthz" }),
		s.report("DescribeThing", *requests, func() string { return "/things/" + things[rand.IntN(len(things))] }),
		s.report("DescribeCertificate", *requests, func() string { return "/certificates/" + certificates[rand.IntN(len(certificates))] }),
	)
	resident, peak := s.memory()
	fmt.Printf("memory of the server: %d MB now, %d MB at most\n", resident>>10, peak>>10)
	return err
}

// A running server.
type running struct {
	cmd    *exec.Cmd
	url    string
	client *http.Client
}

// start runs the server on the data directory.
func start(ctx context.Context) (*running, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	log.Printf("starting the server on %s", address)
	begun := time.Now()
	cmd := exec.CommandContext(ctx, *binary, "serve", "--data", *data, "--account", scope.Account, "--access-key", key.AccessKeyID+":"+key.Secret,
		"--api", address, "--mqtt", "127.0.0.1:0", "--log-level", "WARN")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &running{cmd: cmd, url: "http://" + address, client: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	for {
		if resp, err := http.Get(s.url + "/healthz"); err == nil {
			resp.Body.Close()
			log.Printf("it is ready after %v", time.Since(begun).Round(time.Millisecond))
			return s, nil
		}
		if time.Since(begun) > time.Minute {
			s.stop()
			return nil, errors.New("the server is not ready after a minute")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *running) stop() {
	s.cmd.Process.Signal(os.Interrupt)
	s.cmd.Wait()
}

// get sends a signed GET and returns the body and how long it took, from the request's first byte to the answer's last.
func (s *running) get(path string) ([]byte, time.Duration, error) {
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, 0, err
	}
	sigv4.Sign(r, nil, key, scope.Region, "iot", time.Now())
	begun := time.Now()
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	took := time.Since(begun)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return body, took, err
}

// report sends n requests, one after the other, and prints how long they took.
func (s *running) report(name string, n int, path func() string) error {
	for range min(n, 1000) { // the first find nothing in memory
		if _, _, err := s.get(path()); err != nil {
			return err
		}
	}
	before := s.cpu()
	took := make([]time.Duration, n)
	for i := range took {
		var err error
		if _, took[i], err = s.get(path()); err != nil {
			return err
		}
	}
	row(name, took, s.cpu()-before)
	return nil
}

func row(name string, took []time.Duration, cpu time.Duration) {
	n := len(took)
	slices.Sort(took)
	round := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	fmt.Printf("%-28s %8d %10v %10v %10v %12v\n", name, n, round(took[n/2]), round(took[n*99/100]), round(took[n-1]), round(cpu/time.Duration(n)))
}

// list reads a whole list, 250 to a page, compares the first pages with the last, and returns some of the names, from all of
// it.
func (s *running) list(name, path, parameter string) (sample []string, err error) {
	var took []time.Duration
	before, n, at := s.cpu(), 0, path
	for {
		body, d, err := s.get(at)
		if err != nil {
			return nil, err
		}
		var page struct {
			Things       []struct{ ThingName string }
			Certificates []struct{ CertificateID string }

			NextToken, NextMarker string
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, err
		}
		var names []string
		for _, t := range page.Things {
			names = append(names, t.ThingName)
		}
		for _, c := range page.Certificates {
			names = append(names, c.CertificateID)
		}
		n += len(names)
		for range min(10, len(names)) {
			sample = append(sample, names[rand.IntN(len(names))])
		}
		took = append(took, d)
		token := page.NextToken + page.NextMarker
		if token == "" {
			break
		}
		at = path + "&" + parameter + "=" + url.QueryEscape(token)
	}
	if n != *count {
		return nil, fmt.Errorf("%s found %d, want %d", name, n, *count)
	}
	cpu := (s.cpu() - before) / time.Duration(len(took))
	part := max(1, min(200, len(took)/2))
	for _, p := range []struct {
		name  string
		pages []time.Duration
	}{{"first", took[:part]}, {"last", took[len(took)-part:]}, {"all", took}} {
		pages := slices.Clone(p.pages)
		row(name+", "+p.name+" pages", pages, cpu*time.Duration(len(pages)))
	}
	return sample, nil
}

// cpu is what the server has used, user and system.
func (s *running) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	field := strings.Fields(rest)
	var ticks int64
	for _, f := range field[11:13] {
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// memory is what the server has resident, now and at most, in KB.
func (s *running) memory() (now, peak int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		fmt.Sscanf(line, "VmRSS: %d", &now)
		fmt.Sscanf(line, "VmHWM: %d", &peak)
	}
	return now, peak
}
