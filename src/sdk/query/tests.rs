//! Tests of the client with recorded answers.

use super::*;
use crate::answer::Fault;
use crate::sdk::error::answer;
use crate::sdk::replay::{Replay, replay, replay_responses, replay_with};
use serde::Deserialize;

async fn sent(replay: &Replay, request: &Parameters) -> Result<Answer, crate::answer::CloudError> {
    let at = crate::id::Place {
        account: "111122223333".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
    };
    let client = replay.aws.ec2(&at).await;
    answer("DescribeVolumes", client.ask("DescribeVolumes", request).await)
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    next_token: Option<String>,
    #[serde(default)]
    ids: List<String>,
}

const SUCCESS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeVolumesResponse \
                       xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\n\
                       <ids><item>a&amp;b</item><item>\u{e9}</item></ids>\
                       <other><ids><item>x</item></ids></other><nextToken>t</nextToken>\
                       </DescribeVolumesResponse>";

#[tokio::test]
async fn a_request_is_signed_and_escaped_and_its_answer_read() {
    let replay = replay(&[(200, SUCCESS)]);
    let request = Parameters::default()
        .with("A", "b c+d&e=f/\u{e9}~-._")
        .with_some("B", None::<u32>)
        .with_some("C", Some(true))
        .with_each("D", [7, 8]);
    let found = sent(&replay, &request).await.unwrap();
    let ids = List(vec!["a&b".to_owned(), "\u{e9}".to_owned()]);
    assert_eq!(found, Answer { next_token: Some("t".to_owned()), ids });
    let body = "Action=DescribeVolumes&Version=2016-11-15&A=b%20c%2Bd%26e%3Df%2F%C3%A9~-._&C=true&D.1=7&D.2=8";
    assert_eq!(replay.bodies(), [body]);
    let (url, signature) = replay.urls("authorization").remove(0);
    assert_eq!(url, "https://ec2.eu-west-1.amazonaws.com/");
    let signature = signature.unwrap();
    assert!(signature.contains("/eu-west-1/ec2/aws4_request"), "{signature}");
    let agent = replay.urls("x-amz-user-agent").remove(0).1.unwrap();
    assert!(agent.contains("api/ec2/"), "{agent}");
}

/// AWS may have executed the request.
#[tokio::test]
async fn a_success_that_cannot_be_read_says_nothing_about_the_outcome() {
    let cuts = (0..SUCCESS.len()).filter(|end| SUCCESS.is_char_boundary(*end));
    for text in cuts.map(|end| &SUCCESS[..end]).chain([
        "{}",
        "<html>",
        "\u{0}",
        "<html><body>login</body></html>",
        "<DescribeSnapshotsResponse></DescribeSnapshotsResponse>",
        "<DescribeVolumes></DescribeVolumes>",
        "<Response><Errors/></Response>",
    ]) {
        let replay = replay(&[(200, text)]);
        let error = sent(&replay, &Parameters::default()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Ambiguous, "{text}");
        assert_eq!(error.message, "the answer of AWS cannot be read");
    }
    let latin = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(&b"<a>\xe9</a>"[..]));
    let replay = replay_responses([latin].into_iter());
    let error = sent(&replay, &Parameters::default()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Ambiguous);
}

#[tokio::test]
async fn an_error_has_the_code_the_message_and_the_id_of_the_request() {
    let refused = "<?xml version=\"1.0\"?>\n<Response><Errors><Error><Code>RequestLimitExceeded</Code>\
                   <Message>Request limit exceeded.</Message></Error><Error><Code>Other</Code></Error></Errors>\
                   </Response>";
    let found = replay_with("x-amzn-requestid", [(503, "id-1", refused)].into_iter());
    let error = sent(&found, &Parameters::default()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Throttled);
    assert_eq!(error.code.as_deref(), Some("RequestLimitExceeded"));
    assert_eq!(error.message, "Request limit exceeded.");
    assert_eq!(error.request_id.as_deref(), Some("id-1"));
    for (status, text, fault) in [
        (503, "", Fault::Ambiguous),
        (429, "<html>slow down</html>", Fault::Throttled),
        (403, "<html>no</html>", Fault::Other),
        (400, "<Response><Errors/></Response>", Fault::Other),
    ] {
        let error = sent(&replay(&[(status, text)]), &Parameters::default()).await.unwrap_err();
        assert_eq!((error.fault, error.code), (fault, None), "{text}");
    }
}

/// The content of an answer of the Query protocol.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    name: String,
    #[serde(default)]
    aliases: List<String>,
    marker: Option<String>,
}

const CONTENT: &str = "<?xml version=\"1.0\"?>\n<GetThingResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n\
                       <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\n<GetThingResult>\n\
                       <Aliases a=\"b\">\n<member>%7B&quot;a&quot;&#x3A; &lt;1&gt;%7D</member>\n<Other>\u{e9}</Other>\n\
                       <member/></Aliases><Name><![CDATA[a & b]]></Name></GetThingResult></GetThingResponse>";

async fn asked(replay: &Replay) -> Result<Content, crate::answer::CloudError> {
    let client = replay.aws.iam(&"111122223333".parse().unwrap()).await;
    answer("GetThing", client.ask("GetThing", &Parameters::default()).await)
}

async fn told(replay: &Replay) -> Result<(), crate::answer::CloudError> {
    let client = replay.aws.iam(&"111122223333".parse().unwrap()).await;
    answer("TagThing", client.send("TagThing", &Parameters::default()).await)
}

#[tokio::test]
async fn the_content_of_an_answer_of_the_query_protocol_is_its_result() {
    let replayed = replay(&[(200, CONTENT)]);
    let aliases = ["%7B\"a\": <1>%7D", "\u{e9}", ""].map(str::to_owned).into();
    let expected = Content { name: "a & b".to_owned(), aliases: List(aliases), marker: None };
    assert_eq!(asked(&replayed).await.unwrap(), expected);
    assert_eq!(replayed.bodies(), ["Action=GetThing&Version=2010-05-08"]);
    let (url, signature) = replayed.urls("authorization").remove(0);
    assert_eq!(url, "https://iam.amazonaws.com/");
    let signature = signature.unwrap();
    assert!(signature.contains("/us-east-1/iam/aws4_request"), "{signature}");
    let cuts = (0..CONTENT.len()).filter(|end| CONTENT.is_char_boundary(*end));
    for text in cuts.map(|end| &CONTENT[..end]).chain([
        "<GetThingResponse></GetThingResponse>",
        "<GetThingResponse><Name>a</Name></GetThingResponse>",
        "<GetThingResponse><GetThingResult/></GetThingResponse>",
        "<GetThingResponse><GetOtherResult><Name>a</Name></GetOtherResult></GetThingResponse>",
        "<GetThingResult><Name>a</Name></GetThingResult>",
    ]) {
        let error = asked(&replay(&[(200, text)])).await.unwrap_err();
        assert_eq!(error.fault, Fault::Ambiguous, "{text}");
    }
}

#[tokio::test]
async fn a_list_may_be_empty() {
    for list in ["", "<Aliases/>", "<Aliases></Aliases>", "<Aliases>\n  </Aliases>"] {
        let text = format!(
            "<GetThingResponse><GetThingResult><Name>a</Name>{list}<Marker>m</Marker></GetThingResult></GetThingResponse>"
        );
        let found = asked(&replay(&[(200, &text)])).await.unwrap();
        assert_eq!(
            (found.aliases, found.marker.as_deref()),
            (List::default(), Some("m")),
            "{list}"
        );
    }
}

/// IAM signs for one Region of the partition, whichever Region the configuration has.
#[tokio::test]
async fn a_global_service_signs_for_the_region_of_its_endpoint() {
    for (region, host, signed) in [
        ("eu-west-1", "iam.amazonaws.com", "us-east-1"),
        ("cn-northwest-1", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("us-gov-east-1", "iam.us-gov.amazonaws.com", "us-gov-west-1"),
    ] {
        let mut replay = replay(&[(200, CONTENT)]);
        replay.aws.base = replay.aws.base.to_builder().region(Region::new(region)).build();
        asked(&replay).await.unwrap();
        let (url, signature) = replay.urls("authorization").remove(0);
        assert_eq!(url, format!("https://{host}/"));
        let signature = signature.unwrap();
        assert!(signature.contains(&format!("/{signed}/iam/aws4_request")), "{signature}");
    }
}

#[tokio::test]
async fn a_call_needs_no_result_but_the_whole_answer_to_it() {
    let done = "<TagThingResponse xmlns=\"u\"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\
                </TagThingResponse>";
    for text in [done, "<TagThingResponse/>"] {
        told(&replay(&[(200, text)])).await.unwrap();
    }
    for text in (0..done.len()).map(|end| &done[..end]).chain(["<html></html>", CONTENT]) {
        let error = told(&replay(&[(200, text)])).await.unwrap_err();
        assert_eq!(error.fault, Fault::Ambiguous, "{text}");
    }
}

#[tokio::test]
async fn an_error_of_the_query_protocol_has_its_code_and_message() {
    for (status, code, message, fault) in [
        (404, "NoSuchEntity", "no role &lt;a&gt; &#39;b&#39;", Fault::NotFound),
        (403, "AccessDenied", "no", Fault::Denied),
        (403, "ExpiredToken", "no", Fault::Credentials),
        (400, "Throttling", "Rate exceeded", Fault::Throttled),
        (500, "ServiceFailure", "no", Fault::Ambiguous),
    ] {
        let text = format!(
            "<ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
             <Detail/></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        let answers = [(status, "id-1", &*text), (status, "id-1", &*text)];
        let replay = replay_with("x-amzn-requestid", answers.into_iter());
        for error in [asked(&replay).await.unwrap_err(), told(&replay).await.unwrap_err()] {
            assert_eq!((error.fault, error.code.as_deref()), (fault, Some(code)));
            let message = message.replace("&lt;", "<").replace("&gt;", ">").replace("&#39;", "'");
            assert_eq!(error.message, message);
            assert_eq!(error.request_id.as_deref(), Some("id-1"));
        }
    }
    for (status, text, fault) in [
        (503, "<html>", Fault::Ambiguous),
        (429, "", Fault::Throttled),
        (403, "<ErrorResponse><Error/></ErrorResponse>", Fault::Other),
    ] {
        let error = asked(&replay(&[(status, text)])).await.unwrap_err();
        assert_eq!((error.fault, error.code), (fault, None), "{text}");
    }
}
