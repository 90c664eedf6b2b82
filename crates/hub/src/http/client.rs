//! Who is at the other end, behind the reverse proxies that the operator trusts.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::server::Peer;

/// Each proxy adds the address that it was asked from at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of trusted reverse proxies: the setting `server.trusted_proxies`.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// Networks (CIDR) or single addresses.
    ///
    /// # Errors
    ///
    /// Names the first text that is neither, and what to write.
    pub fn new(networks: &[String]) -> Result<Proxies, String> {
        let read = |text: &String| {
            let text = text.trim();
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                format!("`{text}` is no network; write it as `10.0.0.0/8`, or one address alone")
            })
        };
        Ok(Proxies(networks.iter().map(read).collect::<Result<_, _>>()?))
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|it| it.contains(&address.to_canonical()))
    }

    /// The last address on the way that is no trusted proxy. What stands before it in the header
    /// may be made up by the client.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let all = headers.get_all(FORWARDED_FOR).iter().filter_map(|it| it.to_str().ok());
        let all: Vec<&str> = all.flat_map(|it| it.split(',')).map(str::trim).collect();
        for hop in all.into_iter().rev() {
            match hop.parse::<IpAddr>() {
                Ok(before) if self.trust(client) => client = before.to_canonical(),
                _ => break,
            }
        }
        client
    }
}

/// Puts the client's address into the request, for the pages to throttle log-ins by.
pub(super) async fn name(
    State(proxies): State<Proxies>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(Peer(peer)) = request.extensions().get::<Peer>() {
        let client = proxies.client(peer.ip(), request.headers());
        request.extensions_mut().insert(web::Client(client));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_trusted_proxy_says_is_believed() {
        let proxies = Proxies::new(&["10.0.0.0/8".into(), "192.0.2.1".into()]).unwrap();
        let cases = [
            ("203.0.113.9", "", "203.0.113.9"),
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
            ("10.1.2.3", "127.0.0.1, 198.51.100.1, 192.0.2.1", "198.51.100.1"),
            ("10.1.2.3", "nonsense", "10.1.2.3"),
            ("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ];
        for (peer, forwarded, expected) in cases {
            let mut headers = HeaderMap::new();
            if !forwarded.is_empty() {
                headers.insert(FORWARDED_FOR, forwarded.parse().unwrap());
            }
            let client = proxies.client(peer.parse().unwrap(), &headers);
            assert_eq!(client.to_string(), expected, "{peer} {forwarded}");
        }
    }

    #[test]
    fn a_text_that_is_no_network_is_named() {
        assert!(Proxies::new(&["10.0.0.0/33".into()]).unwrap_err().contains("`10.0.0.0/33`"));
    }
}
