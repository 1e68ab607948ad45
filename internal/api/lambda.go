package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/function"
)

func (d *door) functions() []operation {
	return []operation{
		on(&awsmodel.Lambda, "CreateFunction", d.createFunction),
		on(&awsmodel.Lambda, "GetFunction", d.getFunction),
		on(&awsmodel.Lambda, "GetFunctionConfiguration", d.getFunctionConfiguration),
		on(&awsmodel.Lambda, "ListFunctions", d.listFunctions),
		on(&awsmodel.Lambda, "UpdateFunctionCode", d.updateFunctionCode),
		on(&awsmodel.Lambda, "DeleteFunction", d.deleteFunction),
		on(&awsmodel.Lambda, "AddPermission", d.addPermission),
		on(&awsmodel.Lambda, "Invoke", d.invoke),
	}
}

// A functionName is how requests name a function.
type functionName struct{ FunctionName, Qualifier string }

func (n functionName) String() string {
	if n.Qualifier == "" || strings.HasSuffix(n.FunctionName, ":"+n.Qualifier) {
		return n.FunctionName
	}
	return n.FunctionName + ":" + n.Qualifier
}

// functionCode is where the code is to come from; only a zip file in the request will do.
type functionCode struct {
	ZipFile                   []byte
	S3Bucket, S3Key, ImageUri string
}

func (c *functionCode) zip() ([]byte, error) {
	switch {
	case c.S3Bucket != "" || c.S3Key != "" || c.ImageUri != "":
		return nil, thingward.Errorf(function.InvalidParameterValue, "Code has to come as ZipFile: this server reads neither S3 nor container images.")
	case len(c.ZipFile) == 0:
		return nil, thingward.Errorf(function.InvalidParameterValue, "Please provide a source for function code.")
	}
	return c.ZipFile, nil
}

type createFunctionRequest struct {
	function.Function
	Code functionCode

	Layers            []string
	VpcConfig         struct{ SubnetIds []string }
	FileSystemConfigs []struct{ Arn string }
	DeadLetterConfig  struct{ TargetArn string }
}

// check refuses what the function would need and not get.
func (in *createFunctionRequest) check() error {
	switch {
	case len(in.Layers) > 0:
		return absentInFunction("Layers", "layers are not implemented by this server; put their files into the zip file.")
	case len(in.VpcConfig.SubnetIds) > 0:
		return absentInFunction("VpcConfig", "there is no VPC; functions run in this server's network.")
	case len(in.FileSystemConfigs) > 0:
		return absentInFunction("FileSystemConfigs", "file systems are not mounted by this server.")
	case in.DeadLetterConfig.TargetArn != "":
		return absentInFunction("DeadLetterConfig", "this server has no queue for events that failed; its log tells of them.")
	}
	return nil
}

func absentInFunction(member, what string) error {
	return thingward.Errorf(function.InvalidParameterValue, "%s: %s", member, what)
}

func (d *door) createFunction(ctx context.Context, c *Caller, in *createFunctionRequest) (*function.Function, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	zip, err := in.Code.zip()
	if err != nil {
		return nil, err
	}
	return d.Functions.CreateFunction(ctx, c.Scope, in.Function, zip)
}

type getFunctionResponse struct {
	Configuration *function.Function
	Code          struct{ RepositoryType string }
}

// getFunction leaves Code.Location out: there is no bucket to download from.
func (d *door) getFunction(ctx context.Context, c *Caller, in *functionName) (*getFunctionResponse, error) {
	f, err := d.Functions.GetFunction(ctx, c.Scope, in.String())
	return &getFunctionResponse{Configuration: f}, err
}

func (d *door) getFunctionConfiguration(ctx context.Context, c *Caller, in *functionName) (*function.Function, error) {
	return d.Functions.GetFunction(ctx, c.Scope, in.String())
}

type listFunctionsRequest struct {
	Marker   string
	MaxItems int
}

type listFunctionsResponse struct {
	Functions  []*function.Function
	NextMarker string `json:",omitempty"`
}

func (d *door) listFunctions(ctx context.Context, c *Caller, in *listFunctionsRequest) (*listFunctionsResponse, error) {
	list, next, err := d.Functions.ListFunctions(ctx, c.Scope, in.Marker, in.MaxItems)
	return &listFunctionsResponse{Functions: list, NextMarker: next}, err
}

type updateFunctionCodeRequest struct {
	FunctionName string
	functionCode
	Architectures []string
	RevisionID    string `json:"RevisionId"`
	DryRun        bool
}

func (d *door) updateFunctionCode(ctx context.Context, c *Caller, in *updateFunctionCodeRequest) (*function.Function, error) {
	zip, err := in.zip()
	if err != nil {
		return nil, err
	}
	return d.Functions.UpdateFunctionCode(ctx, c.Scope, in.FunctionName, function.CodeUpdate{
		Zip:           zip,
		RevisionID:    in.RevisionID,
		Architectures: in.Architectures,
		DryRun:        in.DryRun,
	})
}

func (d *door) deleteFunction(ctx context.Context, c *Caller, in *functionName) (*none, error) {
	return nil, d.Functions.DeleteFunction(ctx, c.Scope, in.String())
}

type addPermissionRequest struct {
	functionName
	StatementID   string `json:"StatementId"`
	Action        string
	Principal     string
	SourceARN     string `json:"SourceArn"`
	SourceAccount string
	RevisionID    string `json:"RevisionId"`

	PrincipalOrgID, EventSourceToken, FunctionUrlAuthType string
}

// check refuses conditions that this server does not ask: without them the statement would allow more.
func (in *addPermissionRequest) check() error {
	switch {
	case in.PrincipalOrgID != "":
		return absentInFunction("PrincipalOrgID", "there are no organizations; use SourceAccount or SourceArn.")
	case in.EventSourceToken != "":
		return absentInFunction("EventSourceToken", "it is not implemented by this server; use SourceAccount or SourceArn.")
	case in.FunctionUrlAuthType != "":
		return absentInFunction("FunctionUrlAuthType", "functions have no URLs here.")
	}
	return nil
}

// addPermissionResponse holds the new statement as JSON text.
type addPermissionResponse struct{ Statement string }

func (d *door) addPermission(ctx context.Context, c *Caller, in *addPermissionRequest) (*addPermissionResponse, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	st, err := d.Functions.AddPermission(ctx, c.Scope, in.functionName.String(), function.Permission{
		StatementID:   in.StatementID,
		Action:        in.Action,
		Principal:     in.Principal,
		SourceARN:     in.SourceARN,
		SourceAccount: in.SourceAccount,
		RevisionID:    in.RevisionID,
	})
	if err != nil {
		return nil, err
	}
	return &addPermissionResponse{Statement: st.JSON()}, nil
}

type invokeRequest struct {
	functionName
	InvocationType, ClientContext string
	Payload                       []byte
}

type invokeResponse struct {
	StatusCode                     int
	FunctionError, ExecutedVersion string
	Payload                        []byte
}

// invoke answers with the function's result as the body; what went wrong inside the function is no error of the call.
func (d *door) invoke(ctx context.Context, c *Caller, in *invokeRequest) (*invokeResponse, error) {
	r, err := d.Functions.Invoke(ctx, c.Scope, function.Invocation{
		Function:      in.functionName.String(),
		Type:          in.InvocationType,
		Payload:       in.Payload,
		ClientContext: in.ClientContext,
	})
	if err != nil {
		return nil, err
	}
	out := &invokeResponse{StatusCode: http.StatusOK, FunctionError: r.FunctionError, ExecutedVersion: r.ExecutedVersion, Payload: r.Payload}
	switch in.InvocationType {
	case function.Event:
		out.StatusCode = http.StatusAccepted
	case function.DryRun:
		out.StatusCode = http.StatusNoContent
	}
	return out, nil
}
