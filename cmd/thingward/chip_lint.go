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
	for _, group := range groups(findings) {
		f := group[0]
		count[f.Severity]++
		if f.Severity == atecc.Note && !notes {
			continue
		}
		where := "chip"
		if f.Slot != atecc.WholeChip {
			var slots []int
			for _, g := range group {
				slots = append(slots, g.Slot)
			}
			where = atecc.SlotNames(slots)
		}
		fmt.Fprintf(w, "%-8s %s\n", f.Severity, where)
		paragraph(w, strings.Repeat(" ", 9), f.Text)
		paragraph(w, strings.Repeat(" ", 7)+"> ", f.Advice)
		fmt.Fprintln(w)
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

// groups puts findings together that differ in the slot alone.
func groups(findings []atecc.Finding) [][]atecc.Finding {
	var list [][]atecc.Finding
	place := map[atecc.Finding]int{}
	for _, f := range findings {
		kind := f
		kind.Slot = 0
		i, ok := place[kind]
		if !ok {
			i = len(list)
			place[kind] = i
			list = append(list, nil)
		}
		list[i] = append(list[i], f)
	}
	return list
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
