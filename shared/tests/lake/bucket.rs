//! A bucket whose objects are replaced and removed, which no lake does.

use bytes::Bytes;
use emulators::{Addresses, Fault, FaultKind, Front, Service};
use shared::bucket::{Bucket, Manner};

const PATH: &str = "folder/page one.html";

async fn put(bucket: &Bucket, content: &'static [u8], manner: Manner<'_>) -> Option<u16> {
    let payload = Bytes::from_static(content).into();
    let upload = bucket.upload(PATH, content.len() as u64, payload, manner);
    upload.await.err().and_then(|error| error.http_status())
}

#[tokio::test]
async fn objects_are_replaced_and_removed() {
    let name = format!("site-{}", std::process::id());
    let addresses = Addresses::from_environment().expect("emulators");
    addresses.make_bucket(&name).expect("a bucket");
    let front = Front::start(Service::Front, &addresses.storage).expect("a front");
    let emulator = front.url().parse().expect("loopback");
    let bucket = Bucket::new(&format!("{name}/some/prefix"), Some(emulator)).expect("a bucket");
    let no_cache = Manner::Replacing {
        cache_control: "no-cache",
    };

    assert!(bucket.read(PATH).await.expect("readable").is_none());
    assert_eq!(put(&bucket, b"one", no_cache).await, None);
    assert_eq!(put(&bucket, b"new", Manner::New).await, Some(412));
    front.fault(fault("POST", FaultKind::error(503, "backendError")));
    assert_eq!(put(&bucket, b"two", no_cache).await, None);
    let content = bucket.read(PATH).await.expect("readable");
    assert_eq!(content.as_deref(), Some(b"two".as_slice()));
    let object = format!(
        "{}/storage/v1/b/{name}/o/some%2Fprefix%2Ffolder%2Fpage%20one.html",
        addresses.storage
    );
    let object = reqwest::get(object).await.expect("an answer");
    let object: serde_json::Value = object.json().await.expect("JSON");
    assert_eq!(object["cacheControl"], "no-cache");
    assert_eq!(object["contentType"], "text/html; charset=utf-8");

    front.fault(fault("DELETE", FaultKind::error(503, "backendError")));
    front.fault(fault("DELETE", FaultKind::LoseAnswer));
    bucket.remove(PATH).await.expect("removed");
    assert!(bucket.read(PATH).await.expect("readable").is_none());
    bucket.remove(PATH).await.expect("gone already");
    front.fault(fault("DELETE", FaultKind::error(403, "forbidden")));
    let refused = bucket.remove(PATH).await.expect_err("not allowed");
    assert!(refused.is_refusal(), "{refused}");
}

/// A fault of the next request of a method.
fn fault(method: &'static str, kind: FaultKind) -> Fault {
    Fault {
        method,
        target_contains: "/o".to_owned(),
        after: 0,
        times: 1,
        kind,
    }
}
