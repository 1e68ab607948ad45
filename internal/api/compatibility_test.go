package api

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thingward/thingward/internal/api/awsmodel"
)

var rewrite = flag.Bool("rewrite", false, "write docs/compatibility.md")

const compatibilityPage = "../../docs/compatibility.md"

// docs/compatibility.md says what the code does: which operations have handlers, how those of
// testdata/compatibility/different.txt differ, and which behaviours a test shows. make generate writes it.
func TestCompatibilityPage(t *testing.T) {
	got := compatibility(t)
	if *rewrite {
		if err := os.WriteFile(compatibilityPage, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(compatibilityPage)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("docs/compatibility.md is not what the code says: go test ./internal/api -run CompatibilityPage -rewrite, and review the change")
		equal(t, strings.Split(string(want), "\n"), strings.Split(got, "\n"))
	}
}

// A state is what the page says of an operation or a behaviour.
type state string

const (
	done      state = "done"
	different state = "different"
	missing   state = "absent"
)

// A listedOperation is one operation on the page.
type listedOperation struct {
	name  string
	state state
	how   string // when different
}

// A family is a group of operations of one service.
type family struct {
	service, title string
	operations     []listedOperation
}

func (f *family) count(s state) (n int) {
	for _, o := range f.operations {
		if o.state == s {
			n++
		}
	}
	return n
}

func compatibility(t *testing.T) string {
	families := readFamilies(t)
	sections := readBehaviours(t)
	var b strings.Builder
	b.WriteString(`# Compatibility

What of AWS IoT Core this server does. This page is generated from the code (` + "`make generate`" + `), and a test fails when it is not what the code says.

**Done**: as AWS documents it. **Different**: the page says how. **Absent**: refused, in words; an absent operation answers with status 501 and
` + "`NotImplementedException`" + `, and a member that asks for something absent with ` + "`InvalidRequestException`" + `. Nothing is accepted and then ignored, unless the page says so.

`)
	writeCounts(&b, families, sections)
	b.WriteString("\n## Operations\n")
	for _, f := range families {
		writeFamily(&b, f)
	}
	b.WriteString(`
## Behaviour

Each line names where AWS or a standard says so, and the test here that shows it.
"Guide" is the AWS IoT Core Developer Guide, "API" the AWS IoT API Reference, "MQTT 3.1.1" and "MQTT 5" are the OASIS standards.
`)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n### %s\n\n| behaviour | status | source | test |\n|---|---|---|---|\n", s.title)
		for _, r := range s.rows {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.text, status(r.state, r.how), r.source, r.test)
		}
	}
	return b.String()
}

func writeCounts(b *strings.Builder, families []*family, sections []*section) {
	b.WriteString("| | operations | done | different | absent |\n|---|---|---|---|---|\n")
	var service string
	for i, f := range families {
		if f.service == service {
			continue
		}
		service = f.service
		all := new(family)
		for _, g := range families[i:] {
			if g.service == service {
				all.operations = append(all.operations, g.operations...)
			}
		}
		fmt.Fprintf(b, "| %s | %d | %d | %d | %d |\n", service, len(all.operations), all.count(done), all.count(different), all.count(missing))
	}
	n := map[state]int{}
	for _, s := range sections {
		for _, r := range s.rows {
			n[r.state]++
		}
	}
	fmt.Fprintf(b, "| behaviours | %d | %d | %d | %d |\n", n[done]+n[different]+n[missing], n[done], n[different], n[missing])
}

func writeFamily(b *strings.Builder, f *family) {
	fmt.Fprintf(b, "\n### %s (%s)\n\n", f.title, f.service)
	if f.count(missing) == len(f.operations) {
		var names []string
		for _, o := range f.operations {
			names = append(names, o.name)
		}
		fmt.Fprintf(b, "All %d absent: %s.\n", len(names), strings.Join(names, ", "))
		return
	}
	b.WriteString("| operation | status |\n|---|---|\n")
	for _, o := range f.operations {
		fmt.Fprintf(b, "| %s | %s |\n", o.name, status(o.state, o.how))
	}
}

func status(s state, how string) string {
	if how == "" {
		return string(s)
	}
	return string(s) + ": " + how
}

// readFamilies joins the families and the differences with the operations that have handlers. Every operation of the
// models has to be in one family.
func readFamilies(t *testing.T) (families []*family) {
	different := readDifferent(t)
	h, err := New(Config{Log: slog.New(slog.DiscardHandler), Keys: new(door).accessKey})
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]*route{}
	for _, s := range h.services {
		if s.model == &awsmodel.Thingward { // AWS has no such service
			continue
		}
		for name, r := range s.byName {
			routes[s.model.Name+"."+name] = r
		}
	}
	for _, line := range compatibilityLines(t, "families.txt") {
		if names, ok := strings.CutPrefix(line, "  "); ok {
			f := families[len(families)-1]
			for name := range strings.FieldsSeq(names) {
				f.operations = append(f.operations, judge(t, routes, different, f.service+"."+name))
			}
			continue
		}
		service, title, _ := strings.Cut(line, ": ")
		families = append(families, &family{service: service, title: title})
	}
	for name := range routes {
		t.Errorf("%s is in no family, see families.txt", name)
	}
	for name := range different {
		t.Errorf("%s of different.txt is not implemented", name)
	}
	for _, f := range families {
		slices.SortFunc(f.operations, func(a, b listedOperation) int { return strings.Compare(a.name, b.name) })
	}
	return families
}

// judge takes an operation out of routes, and out of how if it is there.
func judge(t *testing.T, routes map[string]*route, how map[string]string, name string) listedOperation {
	_, short, _ := strings.Cut(name, ".")
	o := listedOperation{name: short, state: missing}
	r := routes[name]
	if r == nil {
		t.Errorf("%s is in no model, or in two families", name)
		return o
	}
	delete(routes, name)
	if r.handler == nil {
		return o
	}
	o.state, o.how = done, how[name]
	if o.how != "" {
		o.state = different
		delete(how, name)
	}
	return o
}

func readDifferent(t *testing.T) map[string]string {
	how := map[string]string{}
	for _, line := range compatibilityLines(t, "different.txt") {
		name, text, ok := strings.Cut(line, ": ")
		if !ok || how[name] != "" {
			t.Errorf("different.txt: %s", line)
		}
		how[name] = text
	}
	return how
}

// A section is a group of behaviours, a behaviour one line of it.
type section struct {
	title string
	rows  []behaviour
}

type behaviour struct {
	text   string
	state  state
	how    string // when different
	source string
	test   string // package and function, such as mqtt.TestMatch
}

// readBehaviours reads behaviours.txt. What is claimed needs a source and a test that exists.
func readBehaviours(t *testing.T) (sections []*section) {
	for _, line := range compatibilityLines(t, "behaviours.txt") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			sections = append(sections, &section{title: title})
			continue
		}
		part := strings.Split(line, " | ")
		if len(part) < 3 || len(part) > 4 {
			t.Errorf("behaviours.txt: want behaviour | status | source | test: %s", line)
			continue
		}
		word, how, _ := strings.Cut(part[1], ": ")
		r := behaviour{text: part[0], state: state(word), how: how, source: part[2]}
		if len(part) == 4 {
			r.test = part[3]
			checkTest(t, r.test)
		}
		if !slices.Contains([]state{done, different, missing}, r.state) || (r.test == "") != (r.state == missing) || (r.how == "") == (r.state == different) {
			t.Errorf("behaviours.txt: want done, absent without a test, or different: how; got %s", line)
		}
		s := sections[len(sections)-1]
		s.rows = append(s.rows, r)
	}
	return sections
}

// checkTest looks for the function of a test in the package that it names.
func checkTest(t *testing.T, name string) {
	dir, function, _ := strings.Cut(name, ".")
	files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func ` + function + `\(`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if declared.Match(text) {
			return
		}
	}
	t.Errorf("behaviours.txt: there is no test %s", name)
}

// compatibilityLines returns the lines of a file of testdata/compatibility that are neither empty nor comments.
func compatibilityLines(t *testing.T, file string) (lines []string) {
	text, err := os.ReadFile(filepath.Join("testdata/compatibility", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, "# ") {
			lines = append(lines, line)
		}
	}
	return lines
}
