package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write what is generated into testdata")

// A small model with one of each kind becomes the files that testdata shows.
func TestGenerate(t *testing.T) {
	for _, o := range []output{
		{iot, "tables.txt", writeTables},
		{iot, "structs.txt", writeStructs},
	} {
		dir := t.TempDir()
		if *rewrite {
			dir = "testdata"
		}
		if err := generate("testdata", dir, o); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, o.path))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", o.path))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: -want +got\n%s", o.path, diff)
		}
	}
}

func TestGenerateWithoutModel(t *testing.T) {
	if err := generate(t.TempDir(), t.TempDir(), outputs[0]); err == nil {
		t.Error("no error without a model")
	}
}
