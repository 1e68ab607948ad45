package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// writeStructs writes a Go struct for every structure of a model. An absent string is empty, an absent list or map
// is nil, and any other member that may be absent is a pointer.
func writeStructs(b *bytes.Buffer, s service, m *model) {
	pkg := strings.ReplaceAll(s.model, "-", "")
	var structs bytes.Buffer
	for _, name := range sorted(m.Shapes) {
		if sh := m.Shapes[name]; sh.Type == "structure" && !sh.Exception {
			writeStruct(&structs, name, sh, m)
		}
	}
	fmt.Fprintf(b, "package %s\n", pkg)
	if bytes.Contains(structs.Bytes(), []byte(timeType)) {
		b.WriteString("\nimport \"github.com/thingward/thingward/internal/api/awsmodel\"\n")
	}
	b.Write(structs.Bytes())
}

func writeStruct(b *bytes.Buffer, name string, s shape, m *model) {
	output := false
	for _, o := range m.Operations {
		output = output || o.Output.Shape == name
	}
	fmt.Fprintf(b, "\ntype %s struct {\n", exported(name))
	for _, member := range s.Members {
		required := slices.Contains(s.Required, member.name)
		t := goType(member.Shape, required, m)
		tag := member.name
		switch {
		case output && member.Location != "": // not in the body
			tag = "-"
		case !required || strings.HasPrefix(t, "[]") || strings.HasPrefix(t, "map") || t == timeType:
			tag += ",omitzero"
		}
		fmt.Fprintf(b, "%s %s `json:%q`\n", exported(member.name), t, tag)
	}
	b.WriteString("}\n")
}

const timeType = "awsmodel.Time"

func goType(name string, required bool, m *model) string {
	s := m.Shapes[name]
	optional := "*"
	if required {
		optional = ""
	}
	switch s.Type {
	case "string":
		return "string"
	case "integer", "long":
		return optional + "int64"
	case "double":
		return optional + "float64"
	case "boolean":
		return optional + "bool"
	case "timestamp":
		return timeType
	case "blob":
		return "[]byte"
	case "list":
		return "[]" + goType(s.Member.Shape, true, m)
	case "map":
		return "map[string]" + goType(s.Value.Shape, true, m)
	}
	return optional + exported(name)
}

func exported(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
