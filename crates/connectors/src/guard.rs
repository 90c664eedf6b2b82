//! Where requests may go: the whole internet, and of private networks only what the operator
//! allows.
//!
//! A name is looked up once for a connection, its addresses are checked, and the connection goes
//! to one of those very addresses, so a second look-up cannot answer differently. More rules about
//! addresses (a proxy, metadata services by name) belong here.

use std::{
    fmt,
    future::Future,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name},
    rt::TokioIo,
};
use ipnet::IpNet;
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Which addresses may be reached.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Arc<[IpNet]>,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no network; write an address and the length of its prefix, such as `10.0.0.0/8` or `fd00::/8`, or one address alone"
)]
pub struct NoNetwork(pub String);

/// An address that may not be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forbidden {
    address: IpAddr,
}

impl Guard {
    /// `allowed` are networks (CIDR) or single addresses that may be reached although they are
    /// private, loopback or link-local: the setting `delivery.allow_networks`.
    ///
    /// # Errors
    ///
    /// [`NoNetwork`] names the first text that is none.
    pub fn new<S: AsRef<str>>(allowed: &[S]) -> Result<Guard, NoNetwork> {
        let read = |text: &S| {
            let text = text.as_ref().trim();
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| NoNetwork(text.to_owned()))
        };
        Ok(Guard { allowed: allowed.iter().map(read).collect::<Result<_, _>>()? })
    }

    fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        // `::ffff:10.0.0.1` is 10.0.0.1 to the kernel, so it is to us.
        let address = address.to_canonical();
        let fine = is_public(address) || self.allowed.iter().any(|it| it.contains(&address));
        if fine { Ok(()) } else { Err(Forbidden { address }) }
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forbidden { address } = self;
        write!(
            f,
            "{address} is not an address of the public internet; if it is meant, the operator adds it to `delivery.allow_networks`"
        )
    }
}

impl std::error::Error for Forbidden {}

/// Whether an address belongs to the public internet.
///
/// Sources: the IANA registries of special-purpose addresses for IPv4 and IPv6.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0 // this host
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local() // cloud metadata is here
        || (a == 100 && (64..128).contains(&b)) // shared by carriers
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || address.is_documentation()
        || (a == 198 && (18..20).contains(&b)) // benchmarks
        || 224 <= a; // multicast, reserved, broadcast
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // Addresses that carry an IPv4 address: NAT64 and 6to4 lead to it.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false, // Teredo, ORCHID, documentation
        // Only this eighth of all addresses is handed out to the public.
        _ => segments[0] & 0xe000 == 0x2000,
    }
}

/// Looks a name up and leaves out what the guard forbids.
#[derive(Clone)]
pub(crate) struct Resolver(Guard);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.0.clone();
        Box::pin(async move {
            let mut fine = Vec::new();
            let mut forbidden = None;
            for found in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match guard.check(found.ip()) {
                    Ok(()) => fine.push(found),
                    Err(error) => forbidden = Some(error),
                }
            }
            match forbidden {
                Some(error) if fine.is_empty() => Err(error.into()),
                _ => Ok(fine.into_iter()),
            }
        })
    }
}

/// Connects to addresses that the guard lets through.
#[derive(Clone)]
pub(crate) struct GuardedConnector {
    guard: Guard,
    inner: HttpConnector<Resolver>,
}

impl GuardedConnector {
    pub(crate) fn new(guard: Guard) -> GuardedConnector {
        let mut inner = HttpConnector::new_with_resolver(Resolver(guard.clone()));
        inner.enforce_http(false); // `https` comes through here too, TLS is wrapped around.
        inner.set_nodelay(true);
        GuardedConnector { guard, inner }
    }

    /// An address in the place of a name is connected to without a look-up.
    fn check_literal(&self, uri: &Uri) -> Result<(), Forbidden> {
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        host.parse().map_or(Ok(()), |address| self.guard.check(address))
    }
}

impl Service<Uri> for GuardedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<TcpStream>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Err(error) = self.check_literal(&uri) {
            return Box::pin(std::future::ready(Err(error.into())));
        }
        let connecting = self.inner.call(uri);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(guard: &Guard, address: &str) -> bool {
        guard.check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_the_public_internet_is_reached_without_leave() {
        let guard = Guard::default();
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"] {
            assert!(allowed(&guard, address), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.5.4",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
        ] {
            assert!(!allowed(&guard, address), "{address}");
        }
    }

    #[test]
    fn the_operator_may_allow_networks_and_single_addresses() {
        let guard = Guard::new(&["10.1.0.0/16", " 127.0.0.1 ", "fd00::/8"]).unwrap();
        for address in ["10.1.2.3", "127.0.0.1", "::ffff:127.0.0.1", "fd12::1"] {
            assert!(allowed(&guard, address), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.2", "::1"] {
            assert!(!allowed(&guard, address), "{address}");
        }
    }

    #[test]
    fn a_text_that_is_no_network_is_named() {
        let error = Guard::new(&["10.0.0.0/8", "office"]).unwrap_err();
        assert_eq!(error, NoNetwork("office".into()));
    }
}
