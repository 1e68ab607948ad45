package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/sigv4"
)

// Exceptions of AWS's front end, which no model lists.
const (
	unknownOperation = "UnknownOperationException"
	serialization    = "SerializationException"
	requestTooLarge  = "RequestEntityTooLargeException"
	notImplemented   = "NotImplementedException"
	invalidAction    = "InvalidAction"
	malformedQuery   = "MalformedQueryString"
)

// statuses are those of the front end's exceptions, and of those that services share when their model lists none.
var statuses = map[string]int{
	sigv4.MissingAuthenticationToken: http.StatusForbidden,
	sigv4.IncompleteSignature:        http.StatusForbidden,
	sigv4.InvalidSignature:           http.StatusForbidden,
	sigv4.UnrecognizedClient:         http.StatusForbidden,
	sigv4.ExpiredToken:               http.StatusForbidden,
	unknownOperation:                 http.StatusNotFound,
	serialization:                    http.StatusBadRequest,
	requestTooLarge:                  http.StatusRequestEntityTooLarge,
	notImplemented:                   http.StatusNotImplemented,
	invalidAction:                    http.StatusBadRequest,
	malformedQuery:                   http.StatusBadRequest,
	thingward.AccessDenied:           http.StatusForbidden,
	thingward.Forbidden:              http.StatusForbidden,
	thingward.DeleteConflict:         http.StatusConflict,
	thingward.MalformedPolicy:        http.StatusBadRequest,
	thingward.InvalidRequest:         http.StatusBadRequest,
	thingward.ResourceNotFound:       http.StatusNotFound,
	thingward.ResourceAlreadyExists:  http.StatusConflict,
	thingward.LimitExceeded:          http.StatusGone,
	thingward.Throttling:             http.StatusTooManyRequests,
	thingward.ServiceUnavailable:     http.StatusServiceUnavailable,
}

// refusal turns an error into the answer that the client gets. An error that is not meant for clients becomes an
// internal failure without its details; those are in the log.
func (c *call) refusal(err error) *answer {
	e := &thingward.Error{Code: thingward.InternalFailure, Message: "An internal failure occurred. The server's log has the details under this request id."}
	if sig, ok := errors.AsType[*sigv4.Error](err); ok {
		e = &thingward.Error{Code: sig.Code, Message: sig.Message}
	} else if known, ok := errors.AsType[*thingward.Error](err); ok {
		e = known
	}
	status := c.status(e.Code)
	if c.query() {
		return queryRefusal(e, status, c.id)
	}
	body := struct {
		Message     string `json:"message"`
		ResourceID  string `json:"resourceId,omitzero"`
		ResourceARN string `json:"resourceArn,omitzero"`
		TraceID     string `json:"traceId,omitzero"`
	}{Message: e.Message, ResourceID: e.ResourceID, ResourceARN: e.ResourceARN}
	if c.device {
		body.TraceID = c.id
	}
	text, _ := marshal(body) // strings always encode
	return &answer{status: status, header: http.Header{"X-Amzn-Errortype": {e.Code}}, contentType: jsonType, body: text, code: e.Code}
}

// status is chosen by the name of the exception: by the service's model, else by the front end.
func (c *call) status(code string) int {
	if c.service != nil {
		if s, ok := c.service.statuses[code]; ok {
			return s
		}
	}
	if s, ok := statuses[code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// query reports whether the client wants the Query protocol; an unsigned request has to be judged by its form.
func (c *call) query() bool {
	if c.service != nil {
		return c.service.model.Protocol == awsmodel.Query
	}
	return strings.HasPrefix(c.request.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// queryCodes are the Query protocol's names where they differ by more than the ending Exception.
var queryCodes = map[string]string{
	sigv4.InvalidSignature:   "SignatureDoesNotMatch",
	sigv4.UnrecognizedClient: "InvalidClientTokenId",
}

func queryRefusal(e *thingward.Error, status int, requestID string) *answer {
	code := queryCodes[e.Code]
	if code == "" {
		code = strings.TrimSuffix(e.Code, "Exception")
	}
	sender := "Sender"
	if status >= 500 {
		sender = "Receiver"
	}
	message, _ := xmlElement("Message", e.Message) // strings always encode
	return &answer{status: status, contentType: "text/xml", code: code, body: fmt.Appendf(nil,
		"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>%s</Type><Code>%s</Code>%s</Error><RequestId>%s</RequestId></ErrorResponse>\n",
		sender, code, message, requestID)}
}
