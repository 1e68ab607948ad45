package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/thingward/thingward/atecc"
)

func chipLint(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("lint", "CHIP")
	all := f.Bool("notes", false, "show the notes too: right for some designs, to be sure of")
	name := f.String("configuration", "", "check this one (`name`: "+configurationNames()+") in place of what the chip has")
	c, _, err := f.forOne(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	config := c.Config()
	if *name != "" {
		named, _, err := findConfiguration(*name, c.Model())
		if err != nil {
			return err
		}
		config = *named
	}
	return report(stdout, config.Lint(), *all)
}

// report prints findings, those of one kind together. Mistakes make it an error.
func report(w io.Writer, findings []atecc.Finding, notes bool) error {
	count := map[atecc.Severity]int{}
	var slots []int
	for i, f := range findings {
		slots = append(slots, f.Slot)
		if i+1 < len(findings) && same(f, findings[i+1]) {
			continue
		}
		count[f.Severity]++
		if f.Severity > atecc.Note || notes {
			where := "chip"
			if f.Slot != atecc.WholeChip {
				where = atecc.SlotNames(slots)
			}
			fmt.Fprintf(w, "%-8s %s\n", f.Severity, where)
			paragraph(w, strings.Repeat(" ", 9), f.Text)
			paragraph(w, strings.Repeat(" ", 7)+"> ", f.Advice)
			fmt.Fprintln(w)
		}
		slots = nil
	}
	fmt.Fprintf(w, "%s, %s, %s", plural(count[atecc.Mistake], "mistake"), plural(count[atecc.Warning], "warning"), plural(count[atecc.Note], "note"))
	if count[atecc.Note] > 0 && !notes {
		fmt.Fprint(w, " (--notes shows them)")
	}
	fmt.Fprintln(w, ".")
	if n := count[atecc.Mistake]; n > 0 {
		return fmt.Errorf("%s: do not lock this configuration", plural(n, "mistake"))
	}
	return nil
}

// same: two findings that differ in the slot alone.
func same(a, b atecc.Finding) bool {
	a.Slot, b.Slot = 0, 0
	return a == b
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
