//! The WSDL 1.1 description: one document/literal operation per command, bound to SOAP 1.1 and 1.2. Elements
//! have no namespace, as the answers have none.

use super::{Probed, is_name, probe};
use crate::declare::Command;
use crate::dispatch::commands;

/// Stands for scheme and authority of the server.
pub const BASE: &str = "http://strowger.invalid";

/// The namespace of messages and bindings.
const SPACE: &str = "urn:strowger:api";

/// What every request may carry beside the command's own parameters.
const CREDENTIALS: [&str; 10] = [
    "authkey",
    "authid",
    "authpwd",
    "authmd5",
    "authsalt1",
    "authsalt2",
    "nonce",
    "token",
    "targetuser",
    "requestid",
];

/// The answer of every command.
const RESPONSE: &str = "<xs:element name=\"response\"><xs:complexType><xs:sequence>\
    <xs:element name=\"code\" type=\"xs:int\"/><xs:element name=\"text\" type=\"xs:string\"/>\
    <xs:element name=\"status\" type=\"xs:string\"/>\
    <xs:element name=\"data\" minOccurs=\"0\"><xs:complexType><xs:sequence>\
    <xs:any minOccurs=\"0\" maxOccurs=\"unbounded\" processContents=\"skip\"/></xs:sequence></xs:complexType></xs:element>\
    <xs:element name=\"cursor\" type=\"xs:string\" minOccurs=\"0\"/>\
    <xs:element name=\"summary\" minOccurs=\"0\"><xs:complexType><xs:sequence>\
    <xs:any minOccurs=\"0\" maxOccurs=\"unbounded\" processContents=\"skip\"/></xs:sequence></xs:complexType></xs:element>\
    <xs:element name=\"requestid\" type=\"xs:string\" minOccurs=\"0\"/>\
    </xs:sequence></xs:complexType></xs:element>";

/// The description, with [`BASE`] in place of the server.
pub fn make() -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<wsdl:definitions name=\"Strowger\" targetNamespace=\"{SPACE}\" \
         xmlns:tns=\"{SPACE}\" xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" \
         xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:soap=\"http://schemas.xmlsoap.org/wsdl/soap/\" \
         xmlns:soap12=\"http://schemas.xmlsoap.org/wsdl/soap12/\">\n<wsdl:types><xs:schema>{RESPONSE}"
    );
    let commands = commands();
    commands.iter().for_each(|command| text.push_str(&element(command)));
    text.push_str("</xs:schema></wsdl:types>\n");
    for command in commands {
        let name = command.name;
        text.push_str(&format!(
            "<wsdl:message name=\"{name}Request\"><wsdl:part name=\"parameters\" element=\"{name}\"/></wsdl:message>\n"
        ));
    }
    text.push_str(
        "<wsdl:message name=\"response\"><wsdl:part name=\"parameters\" element=\"response\"/></wsdl:message>\n\
         <wsdl:portType name=\"Api\">\n",
    );
    for command in commands {
        let name = command.name;
        text.push_str(&format!("<wsdl:operation name=\"{name}\"><wsdl:documentation>"));
        crate::reply::escape_xml(&mut text, command.summary);
        text.push_str(&format!(
            "</wsdl:documentation><wsdl:input message=\"tns:{name}Request\"/><wsdl:output message=\"tns:response\"/>\
             </wsdl:operation>\n"
        ));
    }
    text.push_str("</wsdl:portType>\n");
    for version in ["soap", "soap12"] {
        text.push_str(&binding(version));
    }
    text.push_str("<wsdl:service name=\"Strowger\">");
    for version in ["soap", "soap12"] {
        text.push_str(&format!(
            "<wsdl:port name=\"{version}\" binding=\"tns:{version}\"><{version}:address location=\"{BASE}/mvapireq/\"/>\
             </wsdl:port>"
        ));
    }
    text.push_str("</wsdl:service>\n</wsdl:definitions>\n");
    text
}

/// The request of a command.
fn element(command: &Command) -> String {
    let mut text = format!("<xs:element name=\"{}\"><xs:complexType><xs:all>", command.name);
    for param in command.params.iter().filter(|param| is_name(param.name)) {
        let least = u8::from(param.is_required());
        let kind = if matches!(probe(command, param), Probed::Whole(..)) { "xs:long" } else { "xs:string" };
        text.push_str(&format!(
            "<xs:element name=\"{}\" type=\"{kind}\" minOccurs=\"{least}\"/>",
            param.name
        ));
    }
    for name in CREDENTIALS.iter().filter(|name| !command.params.iter().any(|param| param.name == **name)) {
        text.push_str(&format!("<xs:element name=\"{name}\" type=\"xs:string\" minOccurs=\"0\"/>"));
    }
    text.push_str("</xs:all></xs:complexType></xs:element>\n");
    text
}

fn binding(version: &str) -> String {
    let mut text = format!(
        "<wsdl:binding name=\"{version}\" type=\"tns:Api\"><{version}:binding style=\"document\" \
         transport=\"http://schemas.xmlsoap.org/soap/http\"/>\n"
    );
    for command in commands() {
        let name = command.name;
        text.push_str(&format!(
            "<wsdl:operation name=\"{name}\"><{version}:operation soapAction=\"{SPACE}#{name}\"/><wsdl:input><{version}:body \
             use=\"literal\"/></wsdl:input><wsdl:output><{version}:body use=\"literal\"/></wsdl:output></wsdl:operation>\n"
        ));
    }
    text.push_str("</wsdl:binding>\n");
    text
}
