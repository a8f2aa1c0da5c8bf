//! Replacing, copying and removing objects of a bucket, which the lake never does.

use bytes::Bytes;
use emulators::{Addresses, Fault, FaultKind, Proxy, Service, google_error};
use shared::google::storage::{Bucket, Copied, WriteMode};

const PATH: &str = "folder/page one.html";

async fn put(bucket: &Bucket, content: impl Into<Bytes>, mode: WriteMode<'_>) -> Option<u16> {
    let upload = bucket.upload(PATH, content.into(), mode);
    upload.await.err().and_then(|error| error.http_status())
}

#[tokio::test]
async fn objects_are_replaced_and_removed() {
    let name = format!("site-{}", std::process::id());
    let addresses = Addresses::from_environment().expect("emulators");
    addresses.create_bucket(&name).expect("a bucket");
    let proxy = Proxy::start(Service::Proxy, &addresses.storage).expect("a proxy");
    let emulator = proxy.url().parse().expect("loopback");
    let bucket = Bucket::new(&format!("{name}/some/prefix"), Some(emulator)).expect("a bucket");
    let no_cache = WriteMode::Overwrite {
        content_encoding: None,
        cache_control: "no-cache",
        generation: None,
    };

    assert!(bucket.read(PATH).await.expect("readable").is_none());
    assert_eq!(put(&bucket, "one", no_cache).await, None);
    assert_eq!(put(&bucket, "new", WriteMode::New).await, Some(412));
    proxy.fault(fault("POST", google_error(503, "backendError")));
    assert_eq!(put(&bucket, "two", no_cache).await, None);
    let content = bucket.read(PATH).await.expect("readable");
    assert_eq!(content.as_deref(), Some(b"two".as_slice()));

    // Large enough for a resumable upload, whose first request contains the metadata.
    let large = vec![b'x'; 9 << 20];
    assert_eq!(put(&bucket, large.clone(), no_cache).await, None);
    let content = bucket.read(PATH).await.expect("readable");
    assert!(content.is_some_and(|content| content == large));
    let requests = proxy.requests();
    let metadata = requests.iter().filter_map(|request| request.json.as_ref());
    let metadata: Vec<_> = metadata
        .map(|json| [&json["contentType"], &json["cacheControl"]])
        .collect();
    assert_eq!(metadata, [["text/html; charset=utf-8", "no-cache"]]);

    // Copied within the service, whose first answers are lost.
    let copy = async |to: &str, mode| bucket.copy(PATH, to, mode).await.expect("copied");
    proxy.fault(fault("POST", FaultKind::LoseAnswer));
    proxy.fault(fault("POST", google_error(503, "backendError")));
    for (to, mode) in [("v1/page.html", no_cache), ("frozen.html", WriteMode::New)] {
        assert_eq!(copy(to, mode).await, Copied::Copied, "{to}");
        assert_eq!(copy(to, mode).await, Copied::Existed, "{to}");
        let content = bucket.read(to).await.expect("readable");
        assert!(content.is_some_and(|content| content == large), "{to}");
    }
    assert_eq!(put(&bucket, "three", no_cache).await, None);
    assert_eq!(copy("frozen.html", WriteMode::New).await, Copied::Differs);
    assert_eq!(copy("v1/page.html", no_cache).await, Copied::Copied);
    let content = bucket.read("v1/page.html").await.expect("readable");
    assert_eq!(content.as_deref(), Some(b"three".as_slice()));
    let missing = bucket.copy("missing", "v1/page.html", no_cache).await;
    assert_eq!(missing.expect_err("missing").http_status(), Some(404));

    proxy.fault(fault("DELETE", google_error(503, "backendError")));
    proxy.fault(fault("DELETE", FaultKind::LoseAnswer));
    bucket.remove(PATH).await.expect("removed");
    assert!(bucket.read(PATH).await.expect("readable").is_none());
    bucket.remove(PATH).await.expect("already removed");
    proxy.fault(fault("DELETE", google_error(403, "forbidden")));
    let refused = bucket.remove(PATH).await.expect_err("not allowed");
    assert!(refused.is_refusal(), "{refused}");
}

/// Returns a fault for the next request with this method.
fn fault(method: &'static str, kind: FaultKind) -> Fault {
    Fault::new("/o", kind).method(method)
}

/// Of two writers that saw the same generation, or none, the second is refused.
#[tokio::test]
async fn only_the_generation_that_was_seen_is_replaced() {
    let name = format!("generations-{}", std::process::id());
    let addresses = Addresses::from_environment().expect("emulators");
    addresses.create_bucket(&name).expect("a bucket");
    let emulator = addresses.storage.parse().expect("loopback");
    let bucket = Bucket::new(&name, Some(emulator)).expect("a bucket");
    let of = |generation| WriteMode::Overwrite {
        content_encoding: None,
        cache_control: "no-cache",
        generation: Some(generation),
    };

    assert_eq!(put(&bucket, "one", of(0)).await, None);
    assert_eq!(put(&bucket, "lost", of(0)).await, Some(412));
    let (_, seen) = bucket
        .read_generation(PATH)
        .await
        .expect("readable")
        .expect("it exists");
    assert_eq!(put(&bucket, "two", of(seen)).await, None);
    assert_eq!(put(&bucket, "lost", of(seen)).await, Some(412));
    let content = bucket.read(PATH).await.expect("readable");
    assert_eq!(content.as_deref(), Some(b"two".as_slice()));
}
