//! A host that nobody should ask.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hyper::body::Incoming;
use hyper::{Request, Response};
use loopback_server::body::{self, Body};
use loopback_server::{Handler, Listener, Server};

/// Not the addresses of the portal and of its file host.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A server that counts the requests that it gets, until it is dropped.
pub(crate) struct Elsewhere {
    url: String,
    counter: Arc<Counter>,
    _server: Server,
}

#[derive(Default)]
struct Counter(AtomicU32);

impl Elsewhere {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener = Listener::bind_to(ADDRESS, 0)?;
        let counter = Arc::new(Counter::default());
        Ok(Self {
            url: listener.url(),
            counter: Arc::clone(&counter),
            _server: listener.serve("elsewhere", counter)?,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn requests(&self) -> u32 {
        self.counter.0.load(Ordering::Relaxed)
    }
}

impl Handler for Counter {
    async fn answer(self: Arc<Self>, _: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Response::new(body::whole("{}".into())))
    }
}
