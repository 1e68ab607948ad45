package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/thingward/thingward/internal/device"
	"github.com/thingward/thingward/internal/factory"
	"github.com/thingward/thingward/internal/server"
)

const demoThing = "demo-thing"

// A demonstration is the whole chain in one process: a server, a bench with three modules, and a device. What happens
// between them goes through kit connections, the AWS API and TLS, as it would between machines.
type demonstration struct {
	*stage
	server  *server.Server
	iot     *iot.Client
	lambda  *lambda.Client
	modules *modules
	bench   *factory.Bench
	device  *device.Device

	caID          string
	certificateID string
	signed        *factory.SignedSigner
}

func demo(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	exit := fs.Bool("exit", false, "end when the chain has run, for scripts; the exit status tells whether it did")
	keep := fs.String("keep", "", "`directory` that keeps the state: chips, certificates, server")
	offset := fs.Int("port-offset", 0, "`number` added to the ports 8883 and 8080 (with --exit free ports are taken)")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	data := *keep
	if data == "" {
		if data, err = os.MkdirTemp("", "thingward-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(data)
	} else if data, err = filepath.Abs(data); err != nil {
		return err
	}
	cfg := server.Config{Data: filepath.Join(data, "server"), PortOffset: *offset}
	if *exit {
		cfg.MQTT, cfg.API = "127.0.0.1:0", "127.0.0.1:0"
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(data, "server.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer logFile.Close()
	cfg.Log = slog.New(slog.NewTextHandler(logFile, nil))

	d := &demonstration{stage: newStage(stdout)}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer func() {
		cancel()
		running.Wait()
	}()
	err = d.start(ctx, cfg, filepath.Join(data, "chips"), func() {
		if runErr := d.server.Run(ctx); runErr != nil {
			fmt.Fprintf(stderr, "thingward demo: %v\n", runErr)
			cancel()
		}
	}, &running)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.play(ctx); err != nil {
		return fmt.Errorf("%w\nthe server's log: %s", err, logTail(logFile.Name()))
	}
	if *exit {
		return nil
	}
	d.invite(data, cfg.Data, logFile.Name())
	<-ctx.Done()
	fmt.Fprintln(stdout)
	return nil
}

// start brings up the server and the bench.
func (d *demonstration) start(ctx context.Context, cfg server.Config, chips string, run func(), running *sync.WaitGroup) error {
	d.chapter("A factory and a cloud, on this machine")
	err := d.step("server started", func() (_ string, err error) {
		d.server, err = server.New(ctx, cfg)
		if err != nil {
			return "", err
		}
		running.Go(run)
		return "MQTT/TLS " + d.server.MQTTAddr().String() + ", AWS API " + d.server.Endpoint(), nil
	})
	if err != nil {
		return err
	}
	d.connectAWS()
	err = d.step("three modules on the bench", func() (_ string, err error) {
		d.modules, err = openModules(ctx, chips)
		if err != nil {
			return "", err
		}
		if d.bench, err = d.modules.bench(ctx); err != nil {
			return "", err
		}
		d.bench.AWS = d.iot
		return fmt.Sprintf("chips %s (root), %s (signer), %s (thing)",
			d.modules.root.SerialNumber(), d.modules.signer.SerialNumber(), d.modules.thing.SerialNumber()), nil
	})
	if err != nil {
		return errors.Join(err, d.close())
	}
	return nil
}

// connectAWS makes SDK clients from the variables that `thingward env` prints.
func (d *demonstration) connectAWS() {
	value := d.server.Variables()
	cfg := aws.Config{
		Region:       value["AWS_REGION"],
		BaseEndpoint: aws.String(value["AWS_ENDPOINT_URL"]),
		Credentials:  credentials.NewStaticCredentialsProvider(value["AWS_ACCESS_KEY_ID"], value["AWS_SECRET_ACCESS_KEY"], ""),
	}
	d.iot, d.lambda = iot.NewFromConfig(cfg), lambda.NewFromConfig(cfg)
}

func (d *demonstration) close() error {
	if d.modules != nil {
		d.modules.close()
	}
	return d.server.Close(context.Background())
}

// play runs the chain, one line a step.
func (d *demonstration) play(ctx context.Context) error {
	type scene struct {
		name string
		run  func(context.Context) (string, error)
	}
	for _, chapter := range []struct {
		title  string
		scenes []scene
	}{
		{"Factory: who may sign devices", []scene{
			{"root CA", d.showRoot},
			{"signer certified by the root", d.certifySigner},
			{"signer registered with the cloud", d.registerSigner},
		}},
		{"Factory: a device gets its identity", []scene{
			{"device key made, certificate signed", d.certifyThing},
			{"thing created, chip configured", d.configureThing},
		}},
		{"Cloud: what happens to new devices", []scene{
			{"function created", d.createFunction},
			{"rule on registration events", d.createRule},
		}},
		{"First contact", []scene{
			{"hello, and the door closes", d.firstContact},
			{"rule, function: activated", d.awaitActivation},
			{"hello again, admitted", d.reconnect},
			{"publish and receive", d.exchange},
			{"publish where it may not", d.trespass},
		}},
	} {
		d.chapter(chapter.title)
		for _, s := range chapter.scenes {
			if err := d.step(s.name, func() (string, error) { return s.run(ctx) }); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(d.w, "\n%s in %.1f s.\n", d.paint(green, "From bare chip to first message"), d.total().Seconds())
	return nil
}

// invite says how to go on.
func (d *demonstration) invite(data, serverData, logFile string) {
	fmt.Fprintf(d.w, `
%s The server keeps running until Ctrl-C.

  eval "$(%s env --data %s)"
  aws iot list-certificates
  aws iot get-policy --policy-name demo-device
  tail -f %s

`, d.paint(bold, "Your turn."), shellQuote(os.Args[0]), shellQuote(serverData), shellQuote(logFile))
}

// logTail is the end of the server's log, for a demo that failed.
func logTail(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	const most = 2000
	return "\n" + string(text[max(0, len(text)-most):])
}
