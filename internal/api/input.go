package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
)

// read decodes the members of the input from wherever they travel, checks them and returns the handler's struct, and
// the members by name.
//
// Between the wire and the struct there is a tree of maps by member name, made and checked along the shapes of the
// model: an absent member is told from an empty one there, and nothing that the model does not know gets through.
func (s *service) read(r *route, request *http.Request, labels []string, form url.Values, body []byte) (in any, members map[string]any, err error) {
	in = r.handler.input()
	shape := s.shapes[r.op.Input]
	if shape == nil {
		return in, nil, nil
	}
	tree, err := s.readTree(r, shape, request, labels, form, body)
	if err != nil {
		return nil, nil, err
	}
	if err := s.check(shape, tree); err != nil {
		return nil, nil, err
	}
	if err := openPage(s.model, r.op, tree); err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, nil, fmt.Errorf("bind %s: %w", r.op.Input, err)
	}
	if err := json.Unmarshal(text, in); err != nil {
		return nil, nil, fmt.Errorf("bind %s: %w", r.op.Input, err)
	}
	return in, tree, nil
}

func (s *service) readTree(r *route, shape *awsmodel.Shape, request *http.Request, labels []string, form url.Values, body []byte) (map[string]any, error) {
	if s.model.Protocol == awsmodel.Query {
		return s.readTexts(shape, func(m awsmodel.Member) []string { return form[m.Name] })
	}
	query, err := url.ParseQuery(request.URL.RawQuery)
	if err != nil {
		return nil, thingward.Errorf(serialization, "The query string is not well formed: %v", err)
	}
	tree, err := s.readTexts(shape, func(m awsmodel.Member) []string {
		switch m.In {
		case awsmodel.Label:
			return []string{labels[slices.Index(r.labels, m.Wire)]}
		case awsmodel.QueryString:
			return query[m.Wire]
		case awsmodel.Header:
			return request.Header.Values(m.Wire)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tree, s.readBodyMembers(shape, tree, body)
}

// readTexts reads the members that travel as text.
func (s *service) readTexts(shape *awsmodel.Shape, texts func(awsmodel.Member) []string) (map[string]any, error) {
	tree := make(map[string]any)
	for _, m := range shape.Members {
		values := texts(m)
		if len(values) == 0 {
			continue
		}
		sh := s.shapes[m.Shape]
		var v any
		var err error
		if sh.Kind == awsmodel.List {
			list := make([]any, len(values))
			for i := range values {
				if list[i], err = fromText(s.shapes[sh.Element], values[i]); err != nil {
					break
				}
			}
			v = list
		} else {
			v, err = fromText(sh, values[0])
		}
		if err == nil && m.JSON {
			v, err = fromBase64(v.(string))
		}
		if err != nil {
			return nil, thingward.Errorf(serialization, "'%s' %v.", m.Name, err)
		}
		tree[m.Name] = v
	}
	return tree, nil
}

// readBodyMembers adds the members that travel in the body.
func (s *service) readBodyMembers(shape *awsmodel.Shape, tree map[string]any, body []byte) error {
	payload := s.shapes[memberShape(shape, shape.Payload)]
	if payload != nil && payload.Kind == awsmodel.Blob {
		if len(body) > 0 {
			tree[shape.Payload] = body
		}
		return nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	document, err := parseJSON(body)
	if err != nil {
		return thingward.Errorf(serialization, "The request body is not well-formed JSON: %v", err)
	}
	if payload != nil {
		v, err := s.fromJSON(payload, document, shape.Payload)
		if v != nil {
			tree[shape.Payload] = v
		}
		return err
	}
	object, ok := document.(map[string]any)
	if !ok && document != nil {
		return thingward.Errorf(serialization, "The request body must be a JSON object.")
	}
	for _, m := range shape.Members {
		if m.In != awsmodel.Body || object[m.Name] == nil {
			continue
		}
		v, err := s.fromJSON(s.shapes[m.Shape], object[m.Name], m.Name)
		if err != nil {
			return err
		}
		tree[m.Name] = v
	}
	return nil
}

func memberShape(shape *awsmodel.Shape, member string) string {
	for _, m := range shape.Members {
		if m.Name == member {
			return m.Shape
		}
	}
	return ""
}

// parseJSON reads one JSON text, numbers as written.
func parseJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

// fromJSON turns a JSON value into the tree form of a shape: string, bool, int64, float64, []byte, json.Number (of
// a timestamp), []any, map[string]any. Members that the shape does not have are left out, and so are nulls.
func (s *service) fromJSON(shape *awsmodel.Shape, v any, at string) (any, error) {
	wrong := func(want string) (any, error) {
		return nil, thingward.Errorf(serialization, "'%s' must be %s.", at, want)
	}
	switch shape.Kind {
	case awsmodel.String:
		if text, ok := v.(string); ok {
			return text, nil
		}
		return wrong("a string")
	case awsmodel.Boolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return wrong("true or false")
	case awsmodel.Integer, awsmodel.Long, awsmodel.Double, awsmodel.Timestamp:
		if n, ok := v.(json.Number); ok {
			if v, err := fromText(shape, n.String()); err == nil {
				return v, nil
			}
		}
		return wrong(wanted(shape.Kind))
	case awsmodel.Blob:
		if text, ok := v.(string); ok {
			if b, err := base64.StdEncoding.DecodeString(text); err == nil {
				return b, nil
			}
		}
		return wrong("a base64 string")
	case awsmodel.List:
		if list, ok := v.([]any); ok {
			return s.listFromJSON(shape, list, at)
		}
		return wrong("a list")
	}
	if object, ok := v.(map[string]any); ok {
		return s.objectFromJSON(shape, object, at)
	}
	return wrong("an object")
}

func (s *service) listFromJSON(shape *awsmodel.Shape, list []any, at string) (any, error) {
	out := make([]any, 0, len(list))
	for i, v := range list {
		if v == nil {
			continue
		}
		v, err := s.fromJSON(s.shapes[shape.Element], v, fmt.Sprintf("%s.%d.member", at, i+1))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *service) objectFromJSON(shape *awsmodel.Shape, object map[string]any, at string) (any, error) {
	out := make(map[string]any, len(object))
	add := func(name, shape string) error {
		if object[name] == nil {
			return nil
		}
		v, err := s.fromJSON(s.shapes[shape], object[name], at+"."+name)
		out[name] = v
		return err
	}
	if shape.Kind == awsmodel.Map {
		for name := range object {
			if err := add(name, shape.Element); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	for _, m := range shape.Members {
		if err := add(m.Name, m.Shape); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fromText reads a value from a path, a query, a header or a JSON number.
func fromText(shape *awsmodel.Shape, text string) (any, error) {
	var v any = text
	var err error
	switch shape.Kind {
	case awsmodel.Integer:
		v, err = strconv.ParseInt(text, 10, 32)
	case awsmodel.Long:
		v, err = strconv.ParseInt(text, 10, 64)
	case awsmodel.Double:
		var f float64
		if f, err = strconv.ParseFloat(text, 64); math.IsNaN(f) || math.IsInf(f, 0) {
			err = strconv.ErrRange
		}
		v = f
	case awsmodel.Boolean:
		if v = text == "true"; text != "true" && text != "false" {
			err = strconv.ErrSyntax
		}
	case awsmodel.Timestamp:
		v, err = timestamp(text)
	case awsmodel.Blob:
		v, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil {
		return nil, fmt.Errorf("must be %s", wanted(shape.Kind))
	}
	return v, nil
}

// timestamp reads seconds since 1970, or RFC 3339 as SDKs write it in a query, and returns the former.
func timestamp(text string) (json.Number, error) {
	var t awsmodel.Time
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		t = awsmodel.TimeOf(at)
	} else if err := t.UnmarshalJSON([]byte(text)); err != nil {
		return "", err
	}
	b, err := t.MarshalJSON()
	return json.Number(b), err
}

// fromBase64 reads a header that holds a JSON document in base64.
func fromBase64(text string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !json.Valid(b) {
		return "", errors.New("must be a JSON document in base64")
	}
	return string(b), nil
}

func wanted(k awsmodel.Kind) string {
	switch k {
	case awsmodel.Integer, awsmodel.Long:
		return "a whole number"
	case awsmodel.Double:
		return "a number"
	case awsmodel.Boolean:
		return "true or false"
	case awsmodel.Timestamp:
		return "a time in seconds since 1970"
	case awsmodel.Blob:
		return "base64"
	}
	return "a string"
}
