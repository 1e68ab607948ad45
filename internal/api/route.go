package api

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
)

// A service is a model made ready for use: its routes as a tree, its shapes by name, its patterns compiled.
type service struct {
	model    *awsmodel.Service
	byName   map[string]*route
	root     node
	shapes   map[string]*awsmodel.Shape
	patterns map[string]*regexp.Regexp // by the model's text
	statuses map[string]int            // of errors
}

// A route is an operation with the names of the labels in its path.
type route struct {
	op      *awsmodel.Operation
	labels  []string
	handler *operation // nil: not implemented
}

func newService(m *awsmodel.Service) (*service, error) {
	s := &service{
		model:    m,
		byName:   make(map[string]*route),
		shapes:   make(map[string]*awsmodel.Shape),
		patterns: make(map[string]*regexp.Regexp),
		statuses: make(map[string]int),
	}
	for i := range m.Shapes {
		sh := &m.Shapes[i]
		s.shapes[sh.Name] = sh
		if _, done := s.patterns[sh.Pattern]; sh.Pattern == "" || done {
			continue
		}
		re, err := regexp.Compile(goPattern(sh.Pattern))
		if err != nil {
			return nil, fmt.Errorf("%s: shape %s: %w", m.Name, sh.Name, err)
		}
		s.patterns[sh.Pattern] = re
	}
	for _, e := range m.Errors {
		s.statuses[e.Name] = e.Status
	}
	for i := range m.Operations {
		r := &route{op: &m.Operations[i]}
		s.byName[r.op.Name] = r
		if m.Protocol == awsmodel.RESTJSON {
			s.root.add(r)
		}
	}
	return s, nil
}

// find sets the route of c and returns the values of the labels in its path.
func (c *call) find(form url.Values) (labels []string, err error) {
	r := c.request
	if c.service.model.Protocol == awsmodel.Query {
		c.route = c.service.byName[form.Get("Action")]
		if c.route == nil {
			return nil, thingward.Errorf(invalidAction, "Could not find operation %s for version %s", form.Get("Action"), form.Get("Version"))
		}
		return nil, nil
	}
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	route, labels := c.service.root.find(r.Method, segments, nil)
	if route == nil {
		return nil, thingward.Errorf(unknownOperation, "%s has no operation %s %s.", c.service.model.Name, r.Method, r.URL.EscapedPath())
	}
	for i, l := range labels {
		if labels[i], err = url.PathUnescape(l); err != nil {
			return nil, thingward.Errorf(serialization, "The path is not well formed: %v", err)
		}
	}
	c.route = route
	return labels, nil
}

// A node is a segment of the paths of a service. Paths are compared as they stand on the wire, so that an
// encoded slash is part of a name.
type node struct {
	literal map[string]*node
	label   *node             // any one segment
	ends    map[string]*route // by method
	greedy  map[string]*route // by method: the rest of the path, slashes included
}

func (n *node) add(r *route) {
	template := strings.TrimPrefix(r.op.URI, "/")
	for segment := range strings.SplitSeq(template, "/") {
		name, isLabel := strings.CutPrefix(segment, "{")
		name = strings.TrimSuffix(name, "}")
		if rest, ok := strings.CutSuffix(name, "+"); isLabel && ok {
			r.labels = append(r.labels, rest)
			set(&n.greedy, r.op.Method, r)
			return
		}
		if isLabel {
			r.labels = append(r.labels, name)
			if n.label == nil {
				n.label = new(node)
			}
			n = n.label
			continue
		}
		next := n.literal[segment]
		if next == nil {
			next = new(node)
			set(&n.literal, segment, next)
		}
		if segment == "" { // the slash at the end may be missing
			set(&n.ends, r.op.Method, r)
		}
		n = next
	}
	set(&n.ends, r.op.Method, r)
}

// find prefers literal segments to labels and labels to the rest of the path.
func (n *node) find(method string, segments, labels []string) (*route, []string) {
	if len(segments) == 0 {
		return n.ends[method], labels
	}
	segment, rest := segments[0], segments[1:]
	if next := n.literal[segment]; next != nil {
		if r, l := next.find(method, rest, labels); r != nil {
			return r, l
		}
	}
	if n.label != nil && segment != "" {
		if r, l := n.label.find(method, rest, append(labels, segment)); r != nil {
			return r, l
		}
	}
	if r := n.greedy[method]; r != nil && segment != "" {
		return r, append(labels, strings.Join(segments, "/"))
	}
	return nil, nil
}

func set[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[key] = value
}

// form returns the parameters of a Query protocol request, from the query string and a form in the body.
func (c *call) form(body []byte) (url.Values, error) {
	if c.service.model.Protocol != awsmodel.Query {
		return nil, nil
	}
	form, err := url.ParseQuery(c.request.URL.RawQuery + "&" + string(body))
	if err != nil {
		return nil, thingward.Errorf(malformedQuery, "The parameters are not well formed: %v", err)
	}
	return form, nil
}
