package main

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

//go:embed activate/index.mjs
var activateJS []byte

const (
	activateFunction = "activate"
	activateRule     = "jitr"
	activatePolicy   = "demo-device"
)

// createFunction uploads the function that activates devices: JavaScript where there is a Node to run it, else the
// same as a process of this program.
func (d *demonstration) createFunction(ctx context.Context) (string, error) {
	in := &lambda.CreateFunctionInput{
		FunctionName: aws.String(activateFunction), Handler: aws.String("index.handler"), Runtime: lambdatypes.RuntimeNodejs20x,
		Role: aws.String("arn:aws:iam::" + d.server.Scope().Account + ":role/activate"), Timeout: aws.Int32(20),
	}
	detail := "index.mjs, run by Node"
	file, content, mode := "index.mjs", activateJS, os.FileMode(0o644)
	if _, err := exec.LookPath("node"); err != nil {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		in.Runtime, detail = lambdatypes.RuntimeProvidedal2023, "a Go process; there is no Node here"
		file, content, mode = "bootstrap", fmt.Appendf(nil, "#!/bin/sh\nexec %s activate\n", shellQuote(self)), 0o755
	}
	code, err := zipFile(file, content, mode)
	if err != nil {
		return "", err
	}
	in.Code = &lambdatypes.FunctionCode{ZipFile: code}
	_, err = d.lambda.CreateFunction(ctx, in)
	if _, ok := errors.AsType[*lambdatypes.ResourceConflictException](err); ok {
		_, err = d.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: in.FunctionName, ZipFile: code})
	}
	return detail, err
}

// createRule has the registration events of the signer's devices run the function.
func (d *demonstration) createRule(ctx context.Context) (string, error) {
	scope := d.server.Scope()
	function := scope.ServiceARN("lambda", "function:"+activateFunction)
	_, err := d.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: aws.String(activateFunction), StatementId: aws.String("rules"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("iot.amazonaws.com"), SourceArn: aws.String(scope.ARN("rule/" + activateRule)),
	})
	if _, ok := errors.AsType[*lambdatypes.ResourceConflictException](err); err != nil && !ok {
		return "", err
	}
	sql := "SELECT * FROM '$aws/events/certificates/registered/" + d.caID + "'"
	if _, err := d.iot.DeleteTopicRule(ctx, &iot.DeleteTopicRuleInput{RuleName: aws.String(activateRule)}); err != nil {
		return "", err
	}
	_, err = d.iot.CreateTopicRule(ctx, &iot.CreateTopicRuleInput{
		RuleName: aws.String(activateRule),
		TopicRulePayload: &types.TopicRulePayload{
			Sql: &sql, AwsIotSqlVersion: aws.String("2016-03-23"),
			Actions: []types.Action{{Lambda: &types.LambdaAction{FunctionArn: &function}}},
		},
	})
	return "SELECT * FROM '$aws/events/certificates/registered/" + d.caID[:8] + "…'", err
}

func zipFile(name string, content []byte, mode os.FileMode) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(mode)
	w, err := z.CreateHeader(h)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// activate is activate/index.mjs in Go: a function of runtime provided, which asks the Lambda Runtime API for events
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
func activate(ctx context.Context, args []string, _, _ io.Writer) error {
	runtime := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	if runtime == "" || len(args) > 0 {
		return errors.New("this command is a function: the server runs it with AWS_LAMBDA_RUNTIME_API set")
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := iot.NewFromConfig(cfg)
	base := "http://" + runtime + "/2018-06-01/runtime/invocation/"
	for {
		request, event, err := nextEvent(ctx, base+"next")
		if err != nil {
			return err
		}
		answer, path := activateCertificate(ctx, client, event)
		if err := post(ctx, base+request+path, answer); err != nil {
			return err
		}
	}
}

func nextEvent(ctx context.Context, url string) (request string, event []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	event, err = io.ReadAll(resp.Body)
	return resp.Header.Get("Lambda-Runtime-Aws-Request-Id"), event, err
}

func post(ctx context.Context, url string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// activateCertificate gives the certificate of a registration event its policy and sets it ACTIVE. It returns what to
// post, and where.
func activateCertificate(ctx context.Context, client *iot.Client, event []byte) (answer map[string]string, path string) {
	var e struct{ AwsAccountId, CertificateId string }
	err := json.Unmarshal(event, &e)
	if err == nil {
		err = admit(ctx, client, e.AwsAccountId, e.CertificateId)
	}
	if err != nil {
		return map[string]string{"errorType": "Error", "errorMessage": err.Error()}, "/error"
	}
	return map[string]string{"certificateId": e.CertificateId, "status": "ACTIVE", "policyName": activatePolicy}, "/response"
}

func admit(ctx context.Context, client *iot.Client, account, certificateID string) error {
	prefix := "arn:aws:iot:" + client.Options().Region + ":" + account + ":"
	document, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []map[string]any{
			{"Effect": "Allow", "Action": "iot:Connect", "Resource": prefix + "client/${iot:ClientId}"},
			{"Effect": "Allow", "Action": []string{"iot:Publish", "iot:Receive"}, "Resource": prefix + "topic/devices/${iot:ClientId}/*"},
			{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": prefix + "topicfilter/devices/${iot:ClientId}/*"},
		},
	})
	if err != nil {
		return err
	}
	name, target := aws.String(activatePolicy), aws.String(prefix+"cert/"+certificateID)
	_, err = client.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: name, PolicyDocument: aws.String(string(document))})
	if _, ok := errors.AsType[*types.ResourceAlreadyExistsException](err); err != nil && !ok {
		return err
	}
	if _, err := client.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: name, Target: target}); err != nil {
		return err
	}
	_, err = client.UpdateCertificate(ctx, &iot.UpdateCertificateInput{CertificateId: &certificateID, NewStatus: types.CertificateStatusActive})
	return err
}
