package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// writeTables writes the awsmodel.Service of a model.
func writeTables(b *bytes.Buffer, s service, m *model) {
	fmt.Fprintf(b, "package awsmodel\n\n// %s is AWS's model of %q.\nvar %s = Service{\n", s.variable, s.model, s.variable)
	fmt.Fprintf(b, "Name: %q,\nVersion: %q,\nSigningNames: %#v,\nValidation: \"InvalidRequestException\",\nMaxBody: %d,\n",
		s.model, m.Metadata.APIVersion, s.signingNames, s.maxBody)
	b.WriteString("Operations: []Operation{\n")
	for _, name := range sorted(m.Operations) {
		writeOperation(b, name, m)
	}
	b.WriteString("},\nErrors: []Error{\n")
	for _, name := range sorted(m.Shapes) {
		if e := m.Shapes[name].Error; e != nil {
			fmt.Fprintf(b, "{%q, %d},\n", name, e.Status)
		}
	}
	b.WriteString("},\nShapes: []Shape{\n")
	for _, name := range sorted(m.Shapes) {
		if !m.Shapes[name].Exception {
			writeShape(b, name, m.Shapes[name])
		}
	}
	b.WriteString("},\n}\n")
}

func writeOperation(b *bytes.Buffer, name string, m *model) {
	o := m.Operations[name]
	uri := o.HTTP.RequestURI
	if strings.HasSuffix(uri, "/{topic}") { // the guide has requests with the slashes of a topic as they are
		uri = strings.TrimSuffix(uri, "}") + "+}"
	}
	fmt.Fprintf(b, "{Name: %q, Method: %q, URI: %q", name, o.HTTP.Method, uri)
	if o.HTTP.ResponseCode != 0 && o.HTTP.ResponseCode != 200 {
		fmt.Fprintf(b, ", Status: %d", o.HTTP.ResponseCode)
	}
	field(b, "Input", o.Input.Shape)
	field(b, "Output", o.Output.Shape)
	if p, ok := m.Pagination[name]; ok {
		fmt.Fprintf(b, ",\nPaging: &Paging{%q, %q, %q, %q}", p.InputToken, p.OutputToken, p.LimitKey, p.ResultKey)
	}
	b.WriteString("},\n")
}

var kinds = map[string]string{
	"string": "String", "integer": "Integer", "long": "Long", "double": "Double", "boolean": "Boolean",
	"timestamp": "Timestamp", "blob": "Blob", "list": "List", "map": "Map", "structure": "Structure",
}

func writeShape(b *bytes.Buffer, name string, s shape) {
	fmt.Fprintf(b, "{Name: %q", name)
	if s.Type != "string" {
		fmt.Fprintf(b, ", Kind: %s", kinds[s.Type])
	}
	if s.Min != nil || s.Max != nil {
		fmt.Fprintf(b, ", Range: &Range{%s, %s}", end(s.Min, "NoMin"), end(s.Max, "NoMax"))
	}
	if s.Pattern != "" {
		fmt.Fprintf(b, ", Pattern: `%s`", s.Pattern)
	}
	if s.Enum != nil {
		fmt.Fprintf(b, ", Enum: %#v", s.Enum)
	}
	if s.Sensitive {
		b.WriteString(", Sensitive: true")
	}
	field(b, "Element", s.Member.Shape+s.Value.Shape)
	field(b, "Key", s.Key.Shape)
	field(b, "Payload", s.Payload)
	if len(s.Members) > 0 {
		b.WriteString(", Members: []Member{\n")
		for _, m := range s.Members {
			writeMember(b, m, slices.Contains(s.Required, m.name))
		}
		b.WriteString("}")
	}
	b.WriteString("},\n")
}

var locations = map[string]string{
	"uri": "Label", "querystring": "QueryString", "header": "Header", "statusCode": "StatusCode",
}

func writeMember(b *bytes.Buffer, m member, required bool) {
	fmt.Fprintf(b, "{Name: %q, Shape: %q", m.name, m.Shape)
	if m.Location != "" {
		fmt.Fprintf(b, ", In: %s", locations[m.Location])
		field(b, "Wire", m.LocationName)
	}
	if required {
		b.WriteString(", Required: true")
	}
	if m.JSONValue {
		b.WriteString(", JSON: true")
	}
	b.WriteString("},\n")
}

func field(b *bytes.Buffer, name, value string) {
	if value != "" {
		fmt.Fprintf(b, ", %s: %q", name, value)
	}
}

func end(n *float64, open string) string {
	if n == nil {
		return open
	}
	return strings.TrimSuffix(strconv.FormatFloat(*n, 'f', -1, 64), ".0")
}
