# Topic rules.
iot CreateTopicRule {"ruleName": "loud", "tags": "team=a", "topicRulePayload": {"sql": "SELECT * FROM 'pumps/+/noise' WHERE level > 3", "description": "what is loud", "awsIotSqlVersion": "2016-03-23", "actions": [{"republish": {"roleArn": "arn:aws:iam::111122223333:role/rules", "topic": "loud", "qos": 1}}]}}
	{}
iot CreateTopicRule {"ruleName": "bad", "topicRulePayload": {"sql": "SELECT FROM", "actions": []}}
	SqlParseException 400
iot GetTopicRule {"ruleName": "loud"}
	{"ruleArn": "$rule", "rule": {"ruleName": "loud", "sql": "SELECT * FROM 'pumps/+/noise' WHERE level > 3", "description": "what is loud", "createdAt": "*", "ruleDisabled": false, "awsIotSqlVersion": "2016-03-23", "actions": [{"republish": {"roleArn": "arn:aws:iam::111122223333:role/rules", "topic": "loud", "qos": 1}}]}}
iot GetTopicRule {"ruleName": "nothing"}
	UnauthorizedException 401
iot ListTagsForResource {"resourceArn": "$rule"}
	{"tags": [{"Key": "team", "Value": "a"}]}
iot ReplaceTopicRule {"ruleName": "loud", "topicRulePayload": {"sql": "SELECT level FROM 'pumps/+/noise'", "actions": [{"republish": {"roleArn": "arn:aws:iam::111122223333:role/rules", "topic": "loud", "qos": 1}}]}}
	{}
iot ReplaceTopicRule {"ruleName": "loud", "topicRulePayload": {"sql": "SELECT FROM", "actions": []}}
	SqlParseException 400
iot ListTopicRules {"topic": "pumps/1/noise"}
	{"rules": [{"ruleName": "loud", "ruleArn": "$rule", "topicPattern": "pumps/+/noise", "ruleDisabled": false, "createdAt": "*"}]}
iot ListTopicRules {"nextToken": "not-a-token"}
	InvalidRequestException 400
iot DisableTopicRule {"ruleName": "loud"}
	{}
iot DisableTopicRule {"ruleName": "nothing"}
	UnauthorizedException 401
iot EnableTopicRule {"ruleName": "loud"}
	{}
iot EnableTopicRule {"ruleName": "no good name"}
	InvalidRequestException 400

# A device that listens.
iot CreateKeysAndCertificate {"setAsActive": true}
	{"certificateArn": "$cert", "certificatePem": "$pem", "keyPair": {"PrivateKey": "$key"}}
iot CreatePolicy {"policyName": "all", "policyDocument": "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"iot:*\", \"Resource\": \"*\"}]}"}
	{"policyName": "all"}
iot AttachPolicy {"policyName": "all", "target": "$cert"}
	{}
device Connect {"clientId": "pump-1", "certificatePem": "$pem", "privateKey": "$key", "topicFilters": ["pumps/1/orders", "loud", "$aws/events/thing/+/created"]}
	{}

# Messages.
iot-data Publish {"topic": "pumps/1/orders", "qos": 1, "payload": "c3RhcnQ="}
	{}
iot-data Publish {"topic": "pumps/+/orders", "payload": "c3RhcnQ="}
	InvalidRequestException 400
device Receive {}
	{"topic": "pumps/1/orders", "payload": "start"}
iot-data Publish {"topic": "pumps/1/noise", "payload": "eyJsZXZlbCI6NX0="}
	{}
device Receive {}
	{"topic": "loud", "payload": "{\"level\":5}"}
iot-data Publish {"topic": "state/a", "qos": 1, "retain": true, "payload": "b24="}
	{}
iot-data GetRetainedMessage {"topic": "state/a"}
	{"topic": "state/a", "payload": "b24=", "qos": 1, "lastModifiedTime": "*"}
iot-data GetRetainedMessage {"topic": "state/nothing"}
	ResourceNotFoundException 404
iot-data ListRetainedMessages {}
	{"retainedTopics": [{"topic": "state/a", "payloadSize": 2, "qos": 1, "lastModifiedTime": "*"}]}
iot-data ListRetainedMessages {"nextToken": "not-a-token"}
	InvalidRequestException 400

# Events of the registry, once they are switched on.
iot CreateThing {"thingName": "quiet"}
	{"thingName": "quiet"}
iot UpdateEventConfigurations {"eventConfigurations": {"THING": {"Enabled": true}}}
	{}
iot CreateThing {"thingName": "pump-1"}
	{"thingName": "pump-1"}
device Receive {}
	{"topic": "$aws/events/thing/pump-1/created", "payload": "*"}

# Its connection.
iot-data GetConnection {"clientId": "pump-1"}
	{"connected": true}
iot-data GetConnection {"clientId": "nobody"}
	ResourceNotFoundException 404
iot-data ListSubscriptions {"clientId": "pump-1"}
	{"subscriptions": [{"topicFilter": "$aws/events/thing/+/created", "qos": 1}, {"topicFilter": "loud", "qos": 1}, {"topicFilter": "pumps/1/orders", "qos": 1}]}
iot-data ListSubscriptions {"clientId": "nobody"}
	ResourceNotFoundException 404
iot-data SendDirectMessage {"clientId": "pump-1", "topic": "only/you", "confirmation": true, "payload": "aGVsbG8="}
	{"message": "OK"}
iot-data SendDirectMessage {"clientId": "nobody", "topic": "only/you", "payload": "aGVsbG8="}
	ResourceNotFoundException 404
device Receive {}
	{"topic": "only/you", "payload": "hello"}
iot-data DeleteConnection {"clientId": "pump-1", "cleanSession": true}
	{}
device Lost {}
	{}
iot-data DeleteConnection {"clientId": "nobody"}
	ResourceNotFoundException 404
iot DeleteTopicRule {"ruleName": "no good name"}
	InvalidRequestException 400
iot DeleteTopicRule {"ruleName": "loud"}
	{}
