//! The second host, which serves linked files and can be taken down.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::{Request, Response};
use loopback_server::body::Body;
use loopback_server::{Handler, Listener, Server};

use super::state::{State, described};

/// Linked files have another address than CKAN, like the City's: the first of these that the machine has. macOS has no
/// loopback address but 127.0.0.1 and ::1.
pub(super) const ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Stops and starts the file host on one port.
pub(super) struct Switch {
    address: SocketAddr,
    handler: Mutex<Option<Arc<FileHost>>>,
    server: Mutex<Option<Server>>,
}

impl Switch {
    /// Reserves the port of `listener`, which is served once there is a handler.
    pub(super) fn new(listener: &Listener) -> Self {
        Self {
            address: listener.address(),
            handler: Mutex::default(),
            server: Mutex::default(),
        }
    }

    /// Serves for the first time.
    pub(super) fn serve(&self, listener: Listener, handler: Arc<FileHost>) -> anyhow::Result<()> {
        let server = listener.serve("file-host", Arc::clone(&handler))?;
        *self.handler.lock().unwrap_or_else(PoisonError::into_inner) = Some(handler);
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        Ok(())
    }

    /// Closes the port, so that connections are refused.
    pub(super) fn stop(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        drop(server.take());
    }

    /// Serves again on the same port, unless it already does.
    pub(super) fn start(&self) -> anyhow::Result<()> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let handler = self.handler.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(handler)) = (&*server, &*handler) {
            let listener = Listener::bind_to(self.address.ip(), self.address.port())?;
            *server = Some(listener.serve("file-host", Arc::clone(handler))?);
        }
        Ok(())
    }
}

/// The host of the linked files.
pub(super) struct FileHost(pub(super) Arc<State>);

impl Handler for FileHost {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let log = described(&self.0.file_host, &request);
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        let answer = Arc::clone(&self.0).linked_file(request);
        let answer = self.0.faults.answer(&method, &path, answer).await;
        self.0.log(log, &answer);
        answer
    }
}
