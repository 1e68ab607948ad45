package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

const acmARN = "arn:aws:acm:eu-central-1:123456789012:certificate/6a4f7a6e"

func TestDomainConfigurations(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	own := &iot.CreateDomainConfigurationInput{DomainConfigurationName: aws.String("own"), DomainName: aws.String("iot.example.org"), ServerCertificateArns: []string{acmARN}, Tags: []types.Tag{tag("k", "v")}}
	made := must(c.CreateDomainConfiguration(ctx, own))(t)
	if !strings.HasPrefix(*made.DomainConfigurationArn, arnPrefix+"domainconfiguration/own/") {
		t.Errorf("ARN %s", *made.DomainConfigurationArn)
	}
	wantTags(t, c, made.DomainConfigurationArn, "k=v")
	describe := func(name string) *iot.DescribeDomainConfigurationOutput {
		t.Helper()
		return must(c.DescribeDomainConfiguration(ctx, &iot.DescribeDomainConfigurationInput{DomainConfigurationName: &name}))(t)
	}
	got := describe("own")
	equal(t, fmt.Sprint(*got.DomainName, got.DomainType, got.DomainConfigurationStatus, got.ServiceType, got.AuthenticationType, got.ApplicationProtocol),
		"iot.example.orgCUSTOMER_MANAGEDENABLEDDATADEFAULTDEFAULT")
	equal(t, *got.TlsConfig.SecurityPolicy, "IoTSecurityPolicy_TLS13_1_2_2022_10")
	equal(t, *got.ServerCertificates[0].ServerCertificateArn, acmARN)

	must(c.CreateDomainConfiguration(ctx, &iot.CreateDomainConfigurationInput{DomainConfigurationName: aws.String("managed")}))(t)
	managed := describe("managed")
	equal(t, string(managed.DomainType)+*managed.DomainName, "AWS_MANAGEDiot.example.com")
	list := must(c.ListDomainConfigurations(ctx, &iot.ListDomainConfigurationsInput{ServiceType: types.ServiceTypeData}))(t).DomainConfigurations
	equal(t, len(list), 3)
	equal(t, *list[2].DomainConfigurationName, "iot:Data-ATS")
	equal(t, len(must(c.ListDomainConfigurations(ctx, &iot.ListDomainConfigurationsInput{ServiceType: types.ServiceTypeJobs}))(t).DomainConfigurations), 0)

	_, err := c.DeleteDomainConfiguration(ctx, &iot.DeleteDomainConfigurationInput{DomainConfigurationName: own.DomainConfigurationName})
	refused(t, err, "InvalidRequestException", "is ENABLED")
	builtIn := aws.String("iot:Data-ATS")
	_, err = c.UpdateDomainConfiguration(ctx, &iot.UpdateDomainConfigurationInput{DomainConfigurationName: builtIn, DomainConfigurationStatus: types.DomainConfigurationStatusDisabled})
	refused(t, err, "InvalidRequestException", "cannot be disabled")
	must(c.UpdateDomainConfiguration(ctx, &iot.UpdateDomainConfigurationInput{DomainConfigurationName: builtIn, TlsConfig: &types.TlsConfig{SecurityPolicy: aws.String("IoTSecurityPolicy_TLS13_1_3_2022_10")}}))(t)
	got = describe("iot:Data-ATS")
	equal(t, *got.DomainConfigurationArn+*got.DomainName+string(got.DomainType)+*got.TlsConfig.SecurityPolicy,
		arnPrefix+"domainconfiguration/iot:Data-ATS"+"iot.example.com"+"ENDPOINT"+"IoTSecurityPolicy_TLS13_1_3_2022_10")
	for _, name := range []string{"own", "managed"} {
		must(c.UpdateDomainConfiguration(ctx, &iot.UpdateDomainConfigurationInput{DomainConfigurationName: &name, DomainConfigurationStatus: types.DomainConfigurationStatusDisabled,
			AuthenticationType: types.AuthenticationTypeAwsX509, ApplicationProtocol: types.ApplicationProtocolSecureMqtt}))(t)
	}
	got = describe("own")
	equal(t, fmt.Sprint(got.DomainConfigurationStatus, got.AuthenticationType, got.ApplicationProtocol), "DISABLEDAWS_X509SECURE_MQTT")
	must(c.DeleteDomainConfiguration(ctx, &iot.DeleteDomainConfigurationInput{DomainConfigurationName: own.DomainConfigurationName}))(t)
	_, err = c.DeleteDomainConfiguration(ctx, &iot.DeleteDomainConfigurationInput{DomainConfigurationName: own.DomainConfigurationName})
	refused(t, err, "ResourceNotFoundException", "own")
	_, err = c.DeleteDomainConfiguration(ctx, &iot.DeleteDomainConfigurationInput{DomainConfigurationName: aws.String("managed")})
	refused(t, err, "InvalidRequestException", "7 days")
	_, err = c.UpdateDomainConfiguration(ctx, &iot.UpdateDomainConfigurationInput{DomainConfigurationName: own.DomainConfigurationName})
	refused(t, err, "ResourceNotFoundException", "own")
}

func TestRefusedDomainConfigurations(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	f := func(change func(*iot.CreateDomainConfigurationInput), code, message string) {
		t.Helper()
		in := &iot.CreateDomainConfigurationInput{DomainConfigurationName: aws.String("own"), DomainName: aws.String("iot.example.org"), ServerCertificateArns: []string{acmARN}}
		change(in)
		_, err := c.CreateDomainConfiguration(ctx, in)
		if code != "" {
			refused(t, err, code, message)
		} else if err != nil {
			t.Error(err)
		}
	}
	type input = *iot.CreateDomainConfigurationInput
	const invalid = "InvalidRequestException"
	f(func(in input) { in.DomainConfigurationName = aws.String("iot:own") }, invalid, "regular expression pattern")
	f(func(in input) { in.DomainName = nil }, invalid, "give domainName too")
	f(func(in input) { in.DomainName = aws.String("iot example") }, invalid, "is not a host name")
	f(func(in input) { in.ServerCertificateArns = nil }, invalid, "needs one server certificate")
	f(func(in input) { in.ServerCertificateArns = []string{roleARN} }, invalid, "regular expression pattern: arn:aws")
	f(func(in input) { in.TlsConfig = &types.TlsConfig{SecurityPolicy: aws.String("SSLv3")} }, invalid, "securityPolicy")
	f(func(in input) { in.AuthenticationType = types.AuthenticationTypeAwsSigv4 }, invalid, "AWS_SIGV4 goes with applicationProtocol MQTT_WSS or HTTPS, not DEFAULT")
	f(func(in input) { in.AuthorizerConfig = &types.AuthorizerConfig{} }, invalid, "custom authorizers are not implemented")
	f(func(in input) {
		in.ServerCertificateConfig = &types.ServerCertificateConfig{EnableOCSPCheck: aws.Bool(true)}
	}, invalid, "OCSP staples are not implemented")
	f(func(in input) {}, "", "")
	f(func(in input) {}, "ResourceAlreadyExistsException", "own already exists")
	f(func(in input) { in.DomainConfigurationName = aws.String("other") }, "ResourceAlreadyExistsException", "own has the domain iot.example.org already")
	for i := range 9 {
		f(func(in input) {
			in.DomainConfigurationName, in.DomainName = aws.String(fmt.Sprint(i)), aws.String(fmt.Sprintf("iot-%d.example.org", i))
		}, "", "")
	}
	f(func(in input) {
		in.DomainConfigurationName, in.DomainName = aws.String("more"), aws.String("more.example.org")
	}, "LimitExceededException", "10 domain configurations")
}

// The name that all accounts' devices are told to use is not another account's to take.
func TestServerNameIsNoDomainOfATenant(t *testing.T) {
	config, ctx := newDoor(t), t.Context()
	create := func(name string) error {
		_, err := iot.NewFromConfig(config).CreateDomainConfiguration(ctx, &iot.CreateDomainConfigurationInput{
			DomainConfigurationName: aws.String("own"), DomainName: &name, ServerCertificateArns: []string{acmARN}})
		return err
	}
	management := config.Credentials
	config.Credentials = credentials.NewStaticCredentialsProvider(otherKey.AccessKeyID, otherKey.SecretAccessKey, "")
	refused(t, create("IoT.example.com"), "InvalidRequestException", "is the name of this server")
	config.Credentials = management
	if err := create("iot.example.com"); err != nil {
		t.Errorf("the management account: %v", err)
	}
}
