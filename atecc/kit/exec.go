package kit

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"
)

// A process is a kit that runs as a program and speaks on its standard input and output.
type process struct {
	io.WriteCloser // its standard input
	out            io.ReadCloser
	cmd            *exec.Cmd
}

// endTime is what a program gets to end after its input did.
const endTime = 2 * time.Second

// start runs a program. What it has to say to people goes to the standard error of this one.
func start(ctx context.Context, command []string) (*process, error) {
	if len(command) == 0 {
		return nil, errors.New("no command")
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{in, out, cmd}, cmd.Start()
}

func (p *process) Read(b []byte) (int, error) { return p.out.Read(b) }

func (p *process) SetReadDeadline(t time.Time) error {
	if d, ok := p.out.(interface{ SetReadDeadline(time.Time) error }); ok {
		return d.SetReadDeadline(t)
	}
	return errors.ErrUnsupported
}

// Close ends the program's input and waits for its end.
func (p *process) Close() error {
	p.WriteCloser.Close()
	defer time.AfterFunc(endTime, func() { p.cmd.Process.Kill() }).Stop()
	return p.cmd.Wait()
}
