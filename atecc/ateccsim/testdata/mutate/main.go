// Command mutate breaks the access rules of the software chip, one at a time, and runs its tests: a rule
// whose loss no test notices is printed as a survivor. The tree itself is never changed; the broken file
// is laid over it.
//
//	go run ./atecc/ateccsim/testdata/mutate
//
// What it breaks: each condition given to need() becomes true; in access.go and choices.go, each && and ||
// loses one side, each comparison is turned around, and each ! is dropped.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

const dir = "atecc/ateccsim"

// A mutant is one replacement in one file.
type mutant struct {
	file       string
	line       int
	start, end int // offsets
	text       string
	what       string
}

func main() {
	mutants, err := collect()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	survivors := run(mutants)
	fmt.Printf("%d mutants, %d survivors\n", len(mutants), survivors)
	if survivors > 0 {
		os.Exit(1)
	}
}

func collect() (all []mutant, err error) {
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, file, source, 0)
		if err != nil {
			return nil, err
		}
		base := filepath.Base(file)
		rules := base == "access.go" || base == "choices.go"
		at := func(n ast.Node) (int, int) { return set.Position(n.Pos()).Offset, set.Position(n.End()).Offset }
		text := func(n ast.Node) string { s, e := at(n); return string(source[s:e]) }
		add := func(n ast.Node, replacement string) {
			s, e := at(n)
			all = append(all, mutant{file, set.Position(n.Pos()).Line, s, e, replacement, text(n) + " -> " + replacement})
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "need" {
					for _, condition := range n.Args {
						add(condition, "true || "+text(condition))
					}
				}
			case *ast.BinaryExpr:
				if !rules {
					return true
				}
				switch n.Op {
				case token.LAND, token.LOR:
					add(n, "("+text(n.X)+")")
					add(n, "("+text(n.Y)+")")
				case token.EQL:
					add(n, text(n.X)+" != "+text(n.Y))
				case token.NEQ:
					add(n, text(n.X)+" == "+text(n.Y))
				case token.LSS:
					add(n, text(n.X)+" <= "+text(n.Y))
				}
			case *ast.UnaryExpr:
				if rules && n.Op == token.NOT {
					add(n, text(n.X))
				}
			}
			return true
		})
	}
	return all, nil
}

// run tests the mutants, two at a time, and prints those that live.
func run(mutants []mutant) (survivors int) {
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		queue = make(chan mutant)
	)
	for range 2 {
		group.Go(func() {
			for m := range queue {
				output, lives := test(m)
				mu.Lock()
				switch {
				case lives:
					survivors++
					fmt.Printf("SURVIVES  %s:%d  %s\n", m.file, m.line, m.what)
				case bytes.Contains(output, []byte("[build failed]")):
					fmt.Printf("no mutant %s:%d  %s\n", m.file, m.line, m.what)
				default:
					fmt.Printf("killed    %s:%d  %s\n", m.file, m.line, m.what)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		queue <- m
	}
	close(queue)
	group.Wait()
	return survivors
}

func test(m mutant) (output []byte, lives bool) {
	tmp, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return nil, true
	}
	defer os.RemoveAll(tmp)
	source, err := os.ReadFile(m.file)
	if err != nil {
		return nil, true
	}
	broken := filepath.Join(tmp, "broken.go")
	changed := string(source[:m.start]) + m.text + string(source[m.end:])
	if err := os.WriteFile(broken, []byte(changed), 0o600); err != nil {
		return nil, true
	}
	path, err := filepath.Abs(m.file)
	if err != nil {
		return nil, true
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		return nil, true
	}
	list := filepath.Join(tmp, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return nil, true
	}
	output, err = exec.Command("go", "test", "-vet=off", "-failfast", "-timeout=60s", "-run", "^(TestReplay|TestRules|TestEffects)", "-overlay", list, "./"+dir).CombinedOutput()
	return output, err == nil
}
