sts GetCallerIdentity {}
	{"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/admin", "UserId": "*"}
sts@nobody GetCallerIdentity {}
	InvalidClientTokenId 403
iot DescribeEndpoint {"endpointType": "iot:Data-ATS"}
	{"endpointAddress": "localhost"}
iot DescribeEndpoint {"endpointType": "iot:Nothing"}
	InvalidRequestException 400

# Events and logs.
iot UpdateEventConfigurations {"eventConfigurations": {"THING": {"Enabled": true}}}
	{}
iot UpdateEventConfigurations {"eventConfigurations": {"NOTHING": {"Enabled": true}}}
	InvalidRequestException 400
iot DescribeEventConfigurations {}
	{"eventConfigurations": {"THING": {"Enabled": true}, "JOB": {"Enabled": false}}, "creationDate": "*", "lastModifiedDate": "*"}
iot@nobody DescribeEventConfigurations {}
	UnrecognizedClientException 403
iot GetV2LoggingOptions {}
	NotConfiguredException 404
iot SetV2LoggingOptions {"roleArn": "arn:aws:iam::111122223333:role/logs", "defaultLogLevel": "WARN"}
	{}
iot SetV2LoggingOptions {"roleArn": "not a role", "defaultLogLevel": "WARN"}
	InvalidRequestException 400
iot GetV2LoggingOptions {}
	{"roleArn": "arn:aws:iam::111122223333:role/logs", "defaultLogLevel": "WARN", "disableAllLogs": false}
iot SetLoggingOptions {"loggingOptionsPayload": {"roleArn": "arn:aws:iam::111122223333:role/logs", "logLevel": "ERROR"}}
	{}
iot SetLoggingOptions {"loggingOptionsPayload": {"roleArn": "not a role"}}
	InvalidRequestException 400
iot GetLoggingOptions {}
	{"roleArn": "arn:aws:iam::111122223333:role/logs", "logLevel": "ERROR"}
iot@nobody GetLoggingOptions {}
	UnrecognizedClientException 403
iot CreateThingGroup {"thingGroupName": "loud"}
	{"thingGroupName": "loud"}
iot SetV2LoggingLevel {"logTarget": {"targetType": "THING_GROUP", "targetName": "loud"}, "logLevel": "DEBUG"}
	{}
iot SetV2LoggingLevel {"logTarget": {"targetType": "THING_GROUP"}, "logLevel": "DEBUG"}
	InvalidRequestException 400
iot ListV2LoggingLevels {"targetType": "THING_GROUP"}
	{"logTargetConfigurations": [{"logTarget": {"targetType": "THING_GROUP", "targetName": "loud"}, "logLevel": "DEBUG"}]}
iot ListV2LoggingLevels {"nextToken": "not-a-token"}
	InvalidRequestException 400
iot DeleteV2LoggingLevel {"targetType": "THING_GROUP", "targetName": "loud"}
	{}
iot DeleteV2LoggingLevel {"targetType": "NOTHING", "targetName": "loud"}
	InvalidRequestException 400

# Role aliases.
iot CreateRoleAlias {"roleAlias": "camera", "roleArn": "arn:aws:iam::111122223333:role/camera", "tags": [{"Key": "team", "Value": "a"}]}
	{"roleAlias": "camera", "roleAliasArn": "$alias"}
iot CreateRoleAlias {"roleAlias": "camera", "roleArn": "arn:aws:iam::111122223333:role/camera"}
	ResourceAlreadyExistsException 409
iot UpdateRoleAlias {"roleAlias": "camera", "credentialDurationSeconds": 900}
	{"roleAlias": "camera", "roleAliasArn": "$alias"}
iot UpdateRoleAlias {"roleAlias": "nothing", "credentialDurationSeconds": 900}
	ResourceNotFoundException 404
iot DescribeRoleAlias {"roleAlias": "camera"}
	{"roleAliasDescription": {"roleAlias": "camera", "roleAliasArn": "$alias", "roleArn": "arn:aws:iam::111122223333:role/camera", "owner": "111122223333", "credentialDurationSeconds": 900, "creationDate": "*", "lastModifiedDate": "*"}}
iot DescribeRoleAlias {"roleAlias": "nothing"}
	ResourceNotFoundException 404
iot ListRoleAliases {}
	{"roleAliases": ["camera"]}
iot ListRoleAliases {"marker": "not-a-marker"}
	InvalidRequestException 400
iot ListTagsForResource {"resourceArn": "$alias"}
	{"tags": [{"Key": "team", "Value": "a"}]}
iot DeleteRoleAlias {"roleAlias": "camera"}
	{}
iot DeleteRoleAlias {"roleAlias": "camera"}
	ResourceNotFoundException 404

# Domain configurations.
iot CreateDomainConfiguration {"domainConfigurationName": "own", "domainName": "iot.example.com", "serviceType": "DATA", "serverCertificateArns": ["arn:aws:acm:us-east-1:111122223333:certificate/6e8d5d1e-0000-4000-8000-000000000000"], "tags": [{"Key": "team", "Value": "a"}]}
	{"domainConfigurationName": "own", "domainConfigurationArn": "$domain"}
iot CreateDomainConfiguration {"domainConfigurationName": "own2", "domainName": "iot2.example.com"}
	InvalidRequestException 400
iot DescribeDomainConfiguration {"domainConfigurationName": "own"}
	{"domainConfigurationName": "own", "domainConfigurationArn": "$domain", "domainName": "iot.example.com", "domainConfigurationStatus": "ENABLED", "serviceType": "DATA", "domainType": "CUSTOMER_MANAGED", "lastStatusChangeDate": "*"}
iot DescribeDomainConfiguration {"domainConfigurationName": "nothing"}
	ResourceNotFoundException 404
iot DescribeDomainConfiguration {"domainConfigurationName": "iot:Data-ATS"}
	{"domainConfigurationName": "iot:Data-ATS", "domainConfigurationStatus": "ENABLED", "domainType": "ENDPOINT", "serviceType": "DATA"}
iot ListTagsForResource {"resourceArn": "$domain"}
	{"tags": [{"Key": "team", "Value": "a"}]}
iot ListDomainConfigurations {"serviceType": "DATA"}
	{"domainConfigurations": [{"domainConfigurationName": "own", "domainConfigurationArn": "$domain", "serviceType": "DATA"}, {"domainConfigurationName": "iot:Data-ATS"}]}
iot ListDomainConfigurations {"marker": "not-a-marker"}
	InvalidRequestException 400
iot DeleteDomainConfiguration {"domainConfigurationName": "own"}
	InvalidRequestException 400
iot UpdateDomainConfiguration {"domainConfigurationName": "own", "domainConfigurationStatus": "DISABLED"}
	{"domainConfigurationName": "own", "domainConfigurationArn": "$domain"}
iot UpdateDomainConfiguration {"domainConfigurationName": "nothing", "domainConfigurationStatus": "DISABLED"}
	ResourceNotFoundException 404
iot DeleteDomainConfiguration {"domainConfigurationName": "own"}
	{}
