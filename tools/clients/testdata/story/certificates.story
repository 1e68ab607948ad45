# Certificates that the server makes.
iot CreateKeysAndCertificate {"setAsActive": true}
	{"certificateArn": "$cert", "certificateId": "$certId", "certificatePem": "$pem", "keyPair": {"PublicKey": "*", "PrivateKey": "*"}}
iot@nobody CreateKeysAndCertificate {}
	UnrecognizedClientException 403
iot CreateCertificateFromCsr {"certificateSigningRequest": "$request"}
	{"certificateArn": "$cert2", "certificateId": "$certId2", "certificatePem": "*"}
iot CreateCertificateFromCsr {"certificateSigningRequest": "not a request"}
	InvalidRequestException 400
iot DescribeCertificate {"certificateId": "$certId"}
	{"certificateDescription": {"certificateId": "$certId", "certificateArn": "$cert", "status": "ACTIVE", "certificatePem": "$pem", "ownedBy": "111122223333", "customerVersion": 1, "generationId": "*", "creationDate": "*", "lastModifiedDate": "*", "certificateMode": "DEFAULT", "validity": {"notBefore": "*", "notAfter": "*"}}}
iot DescribeCertificate {"certificateId": "0000000000000000000000000000000000000000000000000000000000000000"}
	ResourceNotFoundException 404
iot UpdateCertificate {"certificateId": "$certId", "newStatus": "INACTIVE"}
	{}
iot UpdateCertificate {"certificateId": "$certId", "newStatus": "PENDING_TRANSFER"}
	InvalidRequestException 400
iot ListCertificates {"pageSize": 1, "ascendingOrder": true}
	{"certificates": [{"certificateId": "$certId", "status": "INACTIVE"}], "nextMarker": "$page"}
iot ListCertificates {"pageSize": 1, "ascendingOrder": true, "marker": "$page"}
	{"certificates": [{"certificateId": "$certId2"}], "nextMarker": "-"}
iot ListCertificates {"marker": "not-a-marker"}
	InvalidRequestException 400

# Certificates of a CA.
iot GetRegistrationCode {}
	{"registrationCode": "$code"}
iot@nobody GetRegistrationCode {}
	UnrecognizedClientException 403
local Certificate {"commonName": "wrong code"}
	{"pem": "$wrong"}
local Certificate {"commonName": "$code"}
	{"pem": "$verification"}
local Certificate {"commonName": "device"}
	{"pem": "$device"}
iot RegisterCACertificate {"caCertificate": "$ca", "verificationCertificate": "$wrong"}
	RegistrationCodeValidationException 400
iot RegisterCACertificate {"caCertificate": "$ca", "verificationCertificate": "$verification", "setAsActive": true, "allowAutoRegistration": true, "tags": [{"Key": "team", "Value": "a"}]}
	{"certificateArn": "$caArn", "certificateId": "$caId"}
iot ListTagsForResource {"resourceArn": "$caArn"}
	{"tags": [{"Key": "team", "Value": "a"}]}
iot DescribeCACertificate {"certificateId": "$caId"}
	{"certificateDescription": {"certificateId": "$caId", "certificateArn": "$caArn", "status": "ACTIVE", "certificatePem": "*", "ownedBy": "111122223333", "autoRegistrationStatus": "ENABLE", "creationDate": "*", "lastModifiedDate": "*", "customerVersion": 1, "generationId": "*", "certificateMode": "DEFAULT", "validity": {"notBefore": "*", "notAfter": "*"}}}
iot DescribeCACertificate {"certificateId": "$certId"}
	ResourceNotFoundException 404
iot ListCACertificates {}
	{"certificates": [{"certificateId": "$caId", "status": "ACTIVE", "creationDate": "*"}]}
iot ListCACertificates {"marker": "not-a-marker"}
	InvalidRequestException 400
iot RegisterCertificate {"certificatePem": "$device", "caCertificatePem": "$ca", "status": "ACTIVE"}
	{"certificateArn": "$own", "certificateId": "$ownId"}
iot RegisterCertificate {"certificatePem": "$device"}
	ResourceAlreadyExistsException 409
iot ListCertificatesByCA {"caCertificateId": "$caId"}
	{"certificates": [{"certificateId": "$ownId", "certificateArn": "$own", "status": "ACTIVE", "certificateMode": "DEFAULT"}]}
iot ListCertificatesByCA {"caCertificateId": "$caId", "marker": "not-a-marker"}
	InvalidRequestException 400
iot UpdateCACertificate {"certificateId": "$certId", "newStatus": "INACTIVE"}
	ResourceNotFoundException 404
iot DeleteCACertificate {"certificateId": "$caId"}
	CertificateStateException 406
iot UpdateCACertificate {"certificateId": "$caId", "newStatus": "INACTIVE", "newAutoRegistrationStatus": "DISABLE"}
	{}
iot DeleteCACertificate {"certificateId": "$caId"}
	{}
iot DeleteRegistrationCode {}
	{}
iot DeleteRegistrationCode {}
	ResourceNotFoundException 404

# A certificate of nobody's CA.
local Certificate {"commonName": "stray"}
	{"pem": "$stray"}
iot RegisterCertificateWithoutCA {"certificatePem": "$stray", "status": "INACTIVE"}
	{"certificateArn": "$strayArn", "certificateId": "$strayId"}
iot RegisterCertificateWithoutCA {"certificatePem": "not a certificate"}
	CertificateValidationException 400

# Transfers: rejected, cancelled, accepted.
iot TransferCertificate {"certificateId": "$strayId", "targetAwsAccount": "999900001111"}
	InvalidRequestException 400
iot TransferCertificate {"certificateId": "$certId2", "targetAwsAccount": "444455556666", "transferMessage": "yours"}
	{"transferredCertificateArn": "$cert2"}
iot ListOutgoingCertificates {}
	{"outgoingCertificates": [{"certificateId": "$certId2", "transferredTo": "444455556666", "transferMessage": "yours", "transferDate": "*", "creationDate": "*"}]}
iot ListOutgoingCertificates {"marker": "not-a-marker"}
	InvalidRequestException 400
iot DeleteCertificate {"certificateId": "$certId2"}
	CertificateStateException 406
iot@other RejectCertificateTransfer {"certificateId": "$certId2", "rejectReason": "not mine"}
	{}
iot@other RejectCertificateTransfer {"certificateId": "$certId2"}
	TransferAlreadyCompletedException 410
iot TransferCertificate {"certificateId": "$certId2", "targetAwsAccount": "444455556666"}
	{"transferredCertificateArn": "*"}
iot CancelCertificateTransfer {"certificateId": "$certId2"}
	{}
iot CancelCertificateTransfer {"certificateId": "$certId"}
	ResourceNotFoundException 404
iot TransferCertificate {"certificateId": "$certId2", "targetAwsAccount": "444455556666"}
	{"transferredCertificateArn": "*"}
iot@other AcceptCertificateTransfer {"certificateId": "$certId2", "setAsActive": true}
	{}
iot@other AcceptCertificateTransfer {"certificateId": "$certId"}
	ResourceNotFoundException 404
iot@other DescribeCertificate {"certificateId": "$certId2"}
	{"certificateDescription": {"status": "ACTIVE", "ownedBy": "444455556666", "previousOwnedBy": "111122223333"}}

iot DeleteCertificate {"certificateId": "$certId"}
	{}
iot DeleteCertificate {"certificateId": "$certId"}
	ResourceNotFoundException 404
