//! A bucket whose objects are replaced and removed, which no lake does.

use bytes::Bytes;
use emulators::{Addresses, Fault, FaultKind, Front, Service};
use shared::google::storage::{Bucket, Manner};

const PATH: &str = "folder/page one.html";

async fn put(bucket: &Bucket, content: impl Into<Bytes>, manner: Manner<'_>) -> Option<u16> {
    let content: Bytes = content.into();
    let size_bytes = content.len() as u64;
    let upload = bucket.upload(PATH, size_bytes, content.into(), manner);
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
    assert_eq!(put(&bucket, "one", no_cache).await, None);
    assert_eq!(put(&bucket, "new", Manner::New).await, Some(412));
    front.fault(fault("POST", FaultKind::error(503, "backendError")));
    assert_eq!(put(&bucket, "two", no_cache).await, None);
    let content = bucket.read(PATH).await.expect("readable");
    assert_eq!(content.as_deref(), Some(b"two".as_slice()));

    // So large that it is begun by a request that says what it is.
    let large = vec![b'x'; 9 << 20];
    assert_eq!(put(&bucket, large.clone(), no_cache).await, None);
    let content = bucket.read(PATH).await.expect("readable");
    assert!(content.is_some_and(|content| content == large));
    let requests = front.requests();
    let said = requests.iter().filter_map(|request| request.json.as_ref());
    let said: Vec<_> = said
        .map(|json| [&json["contentType"], &json["cacheControl"]])
        .collect();
    assert_eq!(said, [["text/html; charset=utf-8", "no-cache"]]);

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
