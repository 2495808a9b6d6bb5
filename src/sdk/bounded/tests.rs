//! Endpoints on loopback whose answers do not end, are too large or do not come.

use super::*;
use crate::answer::{CloudError, Fault, pages};
use crate::cloud::Cloud;
use crate::id::Place;
use crate::retry::{RetryPolicy, every_page};
use crate::sdk::Aws;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const TIME: Duration = Duration::from_secs(1);
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\n";

/// Serves an answer to each request, on a thread for each connection. The answer gets the number of the request on
/// its connection.
fn serve(
    answer: impl Fn(&mut TcpStream, usize) -> std::io::Result<()> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), Arc::clone(&answer));
            thread::spawn(move || {
                (0..).try_for_each(|number| {
                    read_request(&mut stream)?;
                    answer(&mut stream, number)
                })
            });
        }
    });
    url
}

fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        text.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&text).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)
}

fn whole(stream: &mut TcpStream, body: &str) -> std::io::Result<()> {
    // In one piece: a small one waits until the one before it is acknowledged.
    stream.write_all(format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
}

#[derive(Debug, Default)]
struct Told(Mutex<Vec<Asked>>);

impl Watch for Told {
    fn waiting(&self, asked: &Asked, _: Duration) {
        self.0.lock().unwrap().push(asked.clone());
    }

    fn throttled(&self, operation: &str, _: Duration) {
        let (operation, host) = (operation.to_owned(), "throttled".to_owned());
        self.0.lock().unwrap().push(Asked { operation, host });
    }
}

/// A throttled read is repeated for minutes.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_throttled_says_so() {
    let refused = r#"{"__type": "ThrottlingException", "message": "Rate exceeded"}"#;
    let mut answers = vec![(400, refused); 20];
    answers.push((200, r#"{"Keys": [], "Truncated": false}"#));
    let replay = crate::sdk::replay::replay(&answers);
    let told = Arc::new(Told::default());
    replay.aws.watch(told.clone());
    let at =
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    let retry = RetryPolicy::default();
    let keys = every_page(&retry, async |from| replay.aws.keys(&at, from).await);
    assert!(keys.await.unwrap().is_empty());
    let told = told.0.lock().unwrap();
    assert!(!told.is_empty() && told.len() < 19, "{told:?}");
    assert!(told.iter().all(|told| told.operation == "ListKeys" && told.host == "throttled"));
}

fn aws(url: &str) -> (Aws, Arc<Told>) {
    let http =
        Bounded::new(Bounds { time: TIME, ..ANSWER }, Bounds { bytes: 1 << 20, ..LIST }, TIME / 3);
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "tests");
    let base = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(url)
        .http_client(http.clone())
        .build();
    let told = Arc::new(Told::default());
    http.report_to(Arc::clone(&told) as Arc<dyn Watch>);
    (Aws::with_config(base), told)
}

fn home() -> Place {
    Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

/// Returns the error of one request.
async fn error(
    answer: impl Fn(&mut TcpStream, usize) -> std::io::Result<()> + Send + Sync + 'static,
) -> CloudError {
    let (aws, _) = aws(&serve(answer));
    aws.keys(&home(), None).await.unwrap_err()
}

fn nothing(stream: &mut TcpStream, _: usize) -> std::io::Result<()> {
    thread::sleep(TIME * 10);
    write!(stream, "late")
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_reported_and_then_an_error() {
    let (aws, told) = aws(&serve(nothing));
    let began = Instant::now();
    let error = aws.keys(&home(), None).await.unwrap_err();
    assert!((1..4).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(error.fault, Fault::Ambiguous);
    let text = error.to_string();
    assert!(
        text.starts_with("ListKeys: 127.0.0.1:") && text.ends_with("sent no answer within 1 s"),
        "{text}"
    );
    let told = told.0.lock().unwrap();
    assert!(!told.is_empty() && told.iter().all(|asked| asked.operation == "ListKeys"), "{told:?}");
}

#[tokio::test]
async fn an_answer_that_drips_ends() {
    let dripping = |stream: &mut TcpStream, _: usize| {
        write!(stream, "{HEAD}transfer-encoding: chunked\r\n\r\n")?;
        loop {
            write!(stream, "1\r\n \r\n")?;
            thread::sleep(TIME / 20);
        }
    };
    let text = error(dripping).await.to_string();
    assert!(text.contains("did not end within 1 s; ") && text.ends_with(" bytes came"), "{text}");
    let headers = |stream: &mut TcpStream, _: usize| {
        write!(stream, "{HEAD}")?;
        loop {
            write!(stream, "x-more: 1\r\n")?;
            thread::sleep(TIME / 20);
        }
    };
    let text = error(headers).await.to_string();
    assert!(text.ends_with("sent no answer within 1 s"), "{text}");
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let body = |stream: &mut TcpStream, _: usize| {
        write!(stream, "{HEAD}transfer-encoding: chunked\r\n\r\n")?;
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        loop {
            stream.write_all(chunk.as_bytes())?;
        }
    };
    let text = error(body).await.to_string();
    assert!(text.ends_with("is larger than 32 MiB"), "{text}");
    let headers = |stream: &mut TcpStream, _: usize| {
        write!(stream, "{HEAD}")?;
        loop {
            stream.write_all(b"x-more: 1234567890123456789012345678901234567890\r\n")?;
        }
    };
    let error = error(headers).await;
    assert_eq!(error.fault, Fault::Ambiguous, "{error}");
}

/// An empty element takes hundreds of bytes of memory.
#[tokio::test]
async fn an_answer_with_too_many_elements_is_not_parsed() {
    let many = format!(r#"{{"Keys": [{}{{}}]}}"#, "{},".repeat(600_000)).leak() as &str;
    let text = error(|stream, _| whole(stream, many)).await.to_string();
    assert!(text.ends_with("has more than 1000000 elements"), "{text}");
    let deep = format!(r#"{{"Keys": {}"#, "[".repeat(500_000)).leak() as &str;
    let text = error(|stream, _| whole(stream, deep)).await.to_string();
    assert!(text.contains("cannot be read"), "{text}");
}

async fn list(
    answer: impl Fn(&mut TcpStream, usize) -> std::io::Result<()> + Send + Sync + 'static,
) -> String {
    let (aws, _) = aws(&serve(answer));
    let retry = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
    let read = async |from: Option<&str>| aws.keys(&home(), from).await;
    every_page(&retry, read).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error() {
    let page =
        |number: usize| format!(r#"{{"Keys": [], "Truncated": true, "NextMarker": "{number}"}}"#);
    let same = list(move |stream, _| whole(stream, &page(7))).await;
    assert!(same.contains("has no end"), "{same}");
    let new = list(move |stream, number| whole(stream, &page(number))).await;
    assert!(new.contains(&format!("more than {} pages", pages::MOST)), "{new}");
    // Few large pages are too much, too.
    let padding = " ".repeat(100 << 10).leak() as &str;
    let large = list(move |stream, number| whole(stream, &format!("{padding}{}", page(number))));
    let large = large.await;
    assert!(large.contains("together larger than 1 MiB"), "{large}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let redirect = |stream: &mut TcpStream, _: usize| {
        write!(stream, "HTTP/1.1 307 Elsewhere\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")
    };
    let error = error(redirect).await;
    assert_eq!(error.fault, Fault::Other);
    assert!(error.message.contains("307"), "{error}");
}

#[test]
fn a_request_is_named_by_its_operation_and_host() {
    let named = |uri: &str, header: Option<&'static str>, body: &'static str| {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_uri(uri).unwrap();
        if let Some(target) = header {
            request.headers_mut().insert("x-amz-target", target);
        }
        let Asked { operation, host } = Asked::of(&request);
        format!("{operation} {host}")
    };
    assert_eq!(named("https://kms.x/", Some("TrentService.ListKeys"), "{}"), "ListKeys kms.x");
    assert_eq!(
        named("https://ec2.x/", None, "Action=DescribeVolumes&V=1"),
        "DescribeVolumes ec2.x"
    );
    assert_eq!(
        named("https://efs.x/2015/file-systems?a=b", None, ""),
        "GET /2015/file-systems efs.x"
    );
}
