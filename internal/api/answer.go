package api

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/thingward/thingward/internal/api/awsmodel"
)

// An answer is a whole HTTP response.
type answer struct {
	status      int
	header      http.Header
	contentType string
	body        []byte
	code        string // AWS exception name, of refusals
}

func (a *answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	w.Write(a.body) // an error means that the client has gone
}

const jsonType = "application/json"

// answer encodes what a handler returned.
func (c *call) answer(out any) (*answer, error) {
	op := c.route.op
	a := &answer{status: http.StatusOK, header: make(http.Header)}
	if op.Status != 0 {
		a.status = op.Status
	}
	if c.service.model.Protocol == awsmodel.Query {
		body, err := queryAnswer(c.service.model, op, out, c.id)
		a.contentType, a.body = "text/xml", body
		return a, err
	}
	shape := c.service.shapes[op.Output]
	if shape == nil && out == nil {
		return a, nil
	}
	a.contentType = jsonType
	if out == nil {
		a.body = []byte("{}")
		return a, nil
	}
	if shape != nil {
		closePage(op, out)
		c.service.writeLocated(a, shape, out)
		if shape.Payload != "" {
			a.body = reflect.ValueOf(out).Elem().FieldByName(exported(shape.Payload)).Bytes()
			return a, nil
		}
	}
	var err error
	if a.body, err = marshal(out); err != nil {
		return nil, fmt.Errorf("encode answer of %s: %w", op.Name, err)
	}
	return a, nil
}

// writeLocated writes the members of an answer that do not travel in the body.
func (s *service) writeLocated(a *answer, shape *awsmodel.Shape, out any) {
	v := reflect.ValueOf(out).Elem()
	for _, m := range shape.Members {
		if m.In == awsmodel.Body {
			continue
		}
		f := v.FieldByName(exported(m.Name))
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		switch {
		case !f.IsValid() || f.IsZero():
		case m.In == awsmodel.StatusCode:
			a.status = int(f.Int())
		case m.In == awsmodel.Header:
			a.header.Set(m.Wire, fmt.Sprint(f.Interface()))
		}
	}
}

// marshal writes JSON as AWS does, with <, > and & as they are: they occur in rules and policies.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// queryAnswer writes <OpResponse><OpResult>…</OpResult><ResponseMetadata>…, the Query protocol's form.
func queryAnswer(m *awsmodel.Service, op *awsmodel.Operation, out any, requestID string) ([]byte, error) {
	result, err := xmlElement(op.Name+"Result", out)
	if err != nil {
		return nil, fmt.Errorf("encode answer of %s: %w", op.Name, err)
	}
	return fmt.Appendf(nil, "<%sResponse xmlns=%q>%s<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>\n",
		op.Name, queryNamespace(m), result, requestID, op.Name), nil
}

func queryNamespace(m *awsmodel.Service) string {
	return "https://" + m.Name + ".amazonaws.com/doc/" + m.Version + "/"
}

func xmlElement(name string, v any) (string, error) {
	var b bytes.Buffer
	err := xml.NewEncoder(&b).EncodeElement(v, xml.StartElement{Name: xml.Name{Local: name}})
	return b.String(), err
}
