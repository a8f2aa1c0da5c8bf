//! The lake in a bucket of the emulator, and its behaviour when the connection or the service fails.

use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use emulators::{Addresses, Fault, FaultKind, Proxy, RequestLog, Service, google_error};
use shared::exit::{Exit, Failure};
use shared::lake::{Content, Created, GcsLake, Lake, LakeError, read_failure};
use shared::manifest::Object;

use crate::{create, keeps_its_promises, key, object, settles_races, whole};

/// A new lake and the proxy that its requests go through.
struct Fixture {
    proxy: Proxy,
    lake: Lake,
}

impl Fixture {
    fn new() -> Self {
        static BUCKETS: AtomicU32 = AtomicU32::new(0);
        let number = BUCKETS.fetch_add(1, Ordering::Relaxed);
        let bucket = format!("lake-{}-{number}", std::process::id());
        let addresses = Addresses::from_environment().expect("emulators");
        addresses.create_bucket(&bucket).expect("a bucket");
        let proxy = Proxy::start(Service::Proxy, &addresses.storage).expect("a proxy");
        let emulator = proxy.url().parse().expect("loopback");
        let lake = GcsLake::new(&format!("{bucket}/some/prefix"), Some(emulator));
        Self {
            proxy,
            lake: Lake::Gcs(lake.expect("a lake")),
        }
    }

    /// Breaks the next answers to requests with this method.
    fn break_next(&self, method: &'static str, times: u32, kind: FaultKind) {
        self.proxy
            .fault(Fault::new("/o", kind).method(method).times(times));
    }

    fn requests(&self, method: &str) -> Vec<RequestLog> {
        let mut requests = self.proxy.requests();
        requests.retain(|request| request.method == method);
        requests
    }

    /// Creates an object that is large enough for a resumable upload.
    async fn create_large(&self, byte: u8) -> Result<Created, LakeError> {
        let mut file = self.lake.spool().expect("spool");
        file.write_all(&vec![byte; LARGE]).expect("written");
        self.lake.create(&key("large"), Content::File(file)).await
    }
}

const LARGE: usize = 20 << 20;

/// Returns the object that [`Fixture::create_large`] creates.
fn large(byte: u8) -> Object {
    object(&key("large"), &vec![byte; LARGE])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_in_a_bucket_keeps_the_promises() {
    let fixture = Fixture::new();
    keeps_its_promises(&fixture.lake).await;
    settles_races(&fixture.lake).await;
}

/// <https://cloud.google.com/storage/docs/request-preconditions> and <https://cloud.google.com/storage/docs/data-validation>
#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_created_only_if_none_exists_and_with_its_checksum() {
    let fixture = Fixture::new();
    create(&fixture.lake, "small.json", b"{}")
        .await
        .expect("created");
    let [request] = &fixture.requests("POST")[..] else {
        panic!("one request");
    };
    assert!(
        request.target.contains("ifGenerationMatch=0"),
        "{}",
        request.target
    );
    assert!(
        request.target.contains("uploadType=multipart"),
        "{}",
        request.target
    );
    assert!(
        request.target.contains("some%2Fprefix%2Fsmall.json"),
        "{}",
        request.target
    );

    assert_eq!(
        fixture.create_large(1).await.expect("created"),
        Created::Created
    );
    assert_eq!(
        fixture.create_large(1).await.expect("existed"),
        Created::Existed
    );
    let starts = fixture.requests("POST").split_off(1);
    assert_eq!(starts.len(), 1, "an existing object is not sent again");
    assert!(
        starts[0].target.contains("uploadType=resumable"),
        "{}",
        starts[0].target
    );
    assert!(
        starts[0].target.contains("ifGenerationMatch=0"),
        "{}",
        starts[0].target
    );
    let metadata = starts[0].json.as_ref().expect("metadata");
    assert!(metadata["crc32c"].is_string(), "{metadata}");
    let conflict = fixture.create_large(2).await.expect_err("conflict");
    assert!(
        conflict.to_string().contains("in generation "),
        "{conflict}"
    );
    assert_eq!(Failure::from(conflict).exit(), Exit::Bug);
}

/// Another writer created the object during this upload.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumable_upload_that_loses_a_race_is_settled_by_content() {
    for (byte, settled) in [(1, true), (2, false)] {
        let fixture = Fixture::new();
        // Unnoticed before the upload, but noticed at its end.
        fixture.break_next("GET", 1, google_error(404, "notFound"));
        fixture.create_large(1).await.expect("created");
        fixture.break_next("GET", 1, google_error(404, "notFound"));
        let second = fixture.create_large(byte).await;
        assert_eq!(second.is_ok_and(|done| done == Created::Existed), settled);
        let refused = fixture
            .requests("PUT")
            .iter()
            .any(|request| request.status == 412);
        assert!(refused, "the service refused the second");
    }
}

/// <https://cloud.google.com/storage/docs/retry-strategy>
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_request_is_retried() {
    let fixture = Fixture::new();
    for kind in [
        google_error(503, "backendError"),
        google_error(500, "internalError"),
        google_error(408, "requestTimeout"),
        google_error(403, "rateLimitExceeded"),
        FaultKind::Reset,
        FaultKind::Delay(Duration::from_secs(2)),
    ] {
        for method in ["POST", "GET"] {
            fixture.break_next(method, 1, kind.clone());
        }
        let name = format!("again-{}", fixture.proxy.requests().len());
        create(&fixture.lake, &name, b"one").await.expect("created");
        assert_eq!(
            fixture
                .lake
                .read(&key(&name))
                .await
                .expect("read")
                .as_deref(),
            Some(&b"one"[..])
        );
    }
}

/// <https://cloud.google.com/storage/docs/retry-strategy>: the pause that the service requests.
#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_respected() {
    let fixture = Fixture::new();
    fixture.break_next(
        "POST",
        1,
        google_error(429, "rateLimitExceeded").retry_after(3),
    );
    let start = Instant::now();
    create(&fixture.lake, "paused", b"one")
        .await
        .expect("created");
    let took = start.elapsed();
    assert!(
        took >= Duration::from_secs(3) && took < Duration::from_secs(8),
        "{took:?}"
    );

    fixture.break_next(
        "POST",
        1,
        google_error(429, "rateLimitExceeded").retry_after(3600),
    );
    let start = Instant::now();
    let refused = create(&fixture.lake, "long-pause", b"one")
        .await
        .expect_err("given up");
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "does not wait an hour"
    );
    assert_eq!(Failure::from(refused).exit(), Exit::Upstream);
}

/// The write succeeds, its answer is lost, the retry gets 412.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_acknowledgement_is_not_a_conflict() {
    let fixture = Fixture::new();
    fixture.break_next("POST", 1, FaultKind::LoseAnswer);
    create(&fixture.lake, "lost", b"one").await.expect("there");
    let statuses: Vec<u16> = fixture
        .requests("POST")
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [0, 412]);
    assert_eq!(
        fixture
            .lake
            .read(&key("lost"))
            .await
            .expect("read")
            .as_deref(),
        Some(&b"one"[..])
    );
}

/// <https://cloud.google.com/storage/docs/performing-resumable-uploads#resume-upload>
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_resumable_upload_continues() {
    for kind in [
        google_error(503, "backendError"),
        FaultKind::Reset,
        FaultKind::LoseAnswer,
    ] {
        let fixture = Fixture::new();
        fixture.break_next("PUT", 1, kind);
        fixture.create_large(5).await.expect("there");
        let read = whole(&fixture.lake, &large(5)).await.expect("readable");
        assert!(read.len() == LARGE && read.iter().all(|&byte| byte == 5));
    }
}

/// Anyone who has it may write to the bucket: <https://cloud.google.com/storage/docs/resumable-uploads#session-uris>
#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_an_upload_is_not_shown() {
    let fixture = Fixture::new();
    let unreadable = FaultKind::ReplaceAnswer("no object".to_owned());
    fixture.break_next("PUT", 1, unreadable);
    let error = fixture.create_large(7).await.expect_err("unreadable");
    let upload = fixture.requests("PUT").remove(0);
    assert!(upload.target.contains("upload_id="), "{upload:?}");
    let (path, _) = upload.target.split_once('?').expect("a query");
    let shown = Failure::from(error).to_string();
    assert!(
        shown.contains(path) && !shown.contains("upload_id"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_download_continues_in_the_same_generation() {
    let fixture = Fixture::new();
    fixture.create_large(6).await.expect("created");
    let before = fixture.requests("GET").len();
    fixture.break_next("GET", 1, FaultKind::TruncateAt(LARGE / 2));
    let read = whole(&fixture.lake, &large(6)).await.expect("readable");
    assert!(read.len() == LARGE && read.iter().all(|&byte| byte == 6));
    let requests = fixture.requests("GET").split_off(before);
    let [_, rest] = &requests[..] else {
        panic!("two requests: {requests:?}");
    };
    assert!(
        rest.headers.iter().any(|(name, _)| name == "range"),
        "{rest:?}"
    );
    assert!(rest.target.contains("generation="), "{rest:?}");
}

/// <https://cloud.google.com/storage/docs/data-validation>
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_download_is_an_error() {
    let fixture = Fixture::new();
    create(&fixture.lake, "damaged", b"content")
        .await
        .expect("created");
    fixture.break_next("GET", 10, FaultKind::Flip);
    let error = fixture
        .lake
        .read(&key("damaged"))
        .await
        .expect_err("damaged");
    let opened = whole(&fixture.lake, &object(&key("damaged"), b"content")).await;
    let opened = opened.expect_err("damaged");
    for failure in [Failure::from(error), read_failure(opened)] {
        assert_eq!(failure.exit(), Exit::Upstream);
        assert!(failure.to_string().contains("checksum"), "{failure}");
    }
}

/// Overwriting requires `storage.objects.delete`, which jobs do not have:
/// <https://cloud.google.com/storage/docs/access-control/iam-json>.
#[tokio::test(flavor = "multi_thread")]
async fn an_existing_object_is_found_even_if_the_service_reports_missing_permissions() {
    for (content, existed) in [(&b"one"[..], true), (b"two", false)] {
        let fixture = Fixture::new();
        create(&fixture.lake, "there", b"one")
            .await
            .expect("created");
        fixture.break_next("POST", 1, google_error(403, "forbidden"));
        let second = create(&fixture.lake, "there", content).await;
        assert_eq!(second.is_ok_and(|done| done == Created::Existed), existed);
    }
}

/// <https://cloud.google.com/storage/docs/json_api/v1/status-codes>
#[tokio::test(flavor = "multi_thread")]
async fn a_forbidden_request_is_not_retried() {
    for (status, reason) in [(401, "required"), (403, "forbidden"), (404, "notFound")] {
        let fixture = Fixture::new();
        fixture.break_next("POST", 9, google_error(status, reason));
        let error = create(&fixture.lake, "refused", b"one")
            .await
            .expect_err("refused");
        let failure = Failure::from(error);
        assert_eq!(failure.exit(), Exit::Configuration, "{failure}");
        assert!(failure.to_string().contains("refused"), "{failure}");
        assert_eq!(fixture.requests("POST").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stays_down_is_given_up_on() {
    let fixture = Fixture::new();
    // A short `Retry-After`, so that the attempts end soon.
    fixture.break_next("POST", 99, google_error(503, "backendError").retry_after(0));
    let error = create(&fixture.lake, "down", b"one")
        .await
        .expect_err("down");
    assert_eq!(Failure::from(error).exit(), Exit::Upstream);
    assert_eq!(fixture.requests("POST").len(), 6);
}
