"""What became of OpenWrt's packages from 17.01 (LEDE) to 25.12, as shipped.

Each line was looked up: the commit that did it is named, of openwrt/openwrt (with the revision that
`git rev-list --count reboot..COMMIT` gives), of openwrt/packages or of openwrt/luci; and the first release branch whose
tip has it. Some were brought to a branch after it had left, so the release says more than the revision.
"""

from packages.changes import Change, Kind


def _renamed(source: str, target: str, version: str, revision: int | None = None, *, why: str = "") -> Change:
    return Change(Kind.RENAMED, (source,), (target,), version, revision, why=why or f"It is called {target} now.")


def _merged(sources: tuple[str, ...], target: str, version: str, *, why: str) -> Change:
    return Change(Kind.MERGED, sources, (target,), version, why=why)


def _default(sources: tuple[str, ...], version: str, revision: int) -> Change:
    return Change(Kind.DEFAULT, sources, (), version, revision, why="Every image has it.")


def _dropped(
    sources: tuple[str, ...], version: str, revision: int | None = None, *, is_mandatory: bool = False, why: str
) -> Change:
    return Change(Kind.DROPPED, sources, (), version, revision, is_mandatory, why)


_NOT_MAINTAINED = "It was removed: nobody maintained it."

_18_06 = (
    # openwrt d03c23c8d4
    _renamed("libcyassl", "libwolfssl", "18.06", 4839, why="CyaSSL is called wolfSSL."),
    _renamed("libustream-cyassl", "libustream-wolfssl", "18.06", 4839, why="CyaSSL is called wolfSSL."),
    # openwrt 393817df5d
    _dropped(("procd-nand",), "18.06", 4249, why="What it did is part of the base system."),
    # openwrt c7b052db73
    _renamed("odhcpd", "odhcpd-ipv6only", "18.06", 5440, why="By default odhcpd serves IPv6 only, dnsmasq IPv4."),
    # openwrt 905a3f249a
    _default(("kmod-ipt-offload",), "18.06", 6551),
    # packages 0c30b50fe2
    _renamed("strongswan-utils", "strongswan-ipsec", "18.06"),
)

_19_07 = (
    # openwrt 80c61c161a
    _renamed("wpad-mini", "wpad-basic", "19.07", 8340, why="It adds fast roaming and protected management frames."),
    # openwrt d7bf0898a8
    _renamed("libelf1", "libelf", "19.07", 9113),
    # openwrt f5387b754f
    _default(("urandom-seed", "urngd"), "19.07", 10198),
    # packages e6812324c6
    _renamed("unbound", "unbound-daemon", "19.07"),
    # packages 4815585a3b
    _renamed("cryptsetup-openssl", "cryptsetup", "19.07", why="There is one variant for all ciphers."),
)

_21_02 = (
    # openwrt 73fa1aba94
    _renamed("samba36-server", "samba4-server", "21.02", 13174, why="Samba 3.6 was removed."),
    # luci 47fb749872
    _renamed("luci-app-samba", "luci-app-samba4", "21.02", why="Samba 3.6 was removed."),
    # openwrt a14f5bb4bd
    _renamed("wpad-basic", "wpad-basic-wolfssl", "21.02", 14202, why="WPA3 needs wolfSSL."),
    # openwrt e79df3516d
    _default(("ca-bundle", "libustream-wolfssl"), "21.02", 14325),
    # openwrt 583e39e3d5
    _dropped(
        ("kmod-ledtrig-default-on", "kmod-ledtrig-heartbeat", "kmod-ledtrig-netdev", "kmod-ledtrig-timer"),
        "21.02",
        15516,
        why="It is part of the kernel.",
    ),
    # openwrt 06351f1bd0
    Change(
        Kind.SPLIT,
        ("wireguard",),
        ("wireguard-tools", "kmod-wireguard"),
        "21.02",
        15987,
        why="It only stood for these two.",
    ),
    # openwrt 72885e9608
    _renamed("tc", "tc-tiny", "21.02", 16274, why="tc-full is the one with BPF."),
    # packages 0663d8c2f8
    _renamed("wget", "wget-ssl", "21.02"),
    # packages 56e4edad82
    _merged(
        ("transmission-daemon-mbedtls", "transmission-daemon-openssl"),
        "transmission-daemon",
        "21.02",
        why="There is one variant for all TLS libraries.",
    ),
    _merged(
        ("transmission-cli-mbedtls", "transmission-cli-openssl"),
        "transmission-cli",
        "21.02",
        why="There is one variant for all TLS libraries.",
    ),
    _merged(
        ("transmission-remote-mbedtls", "transmission-remote-openssl"),
        "transmission-remote",
        "21.02",
        why="There is one variant for all TLS libraries.",
    ),
    # packages c3c269c48b and its neighbours; the old names are in dbe79e409d
    _renamed("ddns-scripts_cloudflare.com-v4", "ddns-scripts-cloudflare", "21.02"),
    _renamed("ddns-scripts_cnkuai_cn", "ddns-scripts-cnkuai", "21.02"),
    _renamed("ddns-scripts_digitalocean.com-v2", "ddns-scripts-digitalocean", "21.02"),
    _renamed("ddns-scripts_freedns_42_pl", "ddns-scripts-freedns", "21.02"),
    _renamed("ddns-scripts_godaddy.com-v1", "ddns-scripts-godaddy", "21.02"),
    _renamed("ddns-scripts_no-ip_com", "ddns-scripts-noip", "21.02"),
    _renamed("ddns-scripts_nsupdate", "ddns-scripts-nsupdate", "21.02"),
    _renamed("ddns-scripts_route53-v1", "ddns-scripts-route53", "21.02"),
    # packages 88aa9c2e2d names the old one
    _renamed("iputils-ping6", "iputils-ping", "21.02", why="One program serves IPv4 and IPv6."),
)

_22_03 = (
    # openwrt 44f694ba1b
    _default(("procd-ujail",), "22.03", 17695),
    # openwrt 08d9f6e302
    _renamed("firewall", "firewall4", "22.03", 18611, why="The firewall is made with nftables."),
    _renamed("kmod-ipt-offload", "kmod-nft-offload", "22.03", 18611, why="The firewall is made with nftables."),
    _default(("nftables",), "22.03", 18611),
    # openwrt 66bb6dde36
    _renamed("arptables", "arptables-nft", "22.03", 19150, why="The same commands by way of nftables."),
    _renamed("ebtables", "ebtables-nft", "22.03", 19150, why="The same commands by way of nftables."),
    # openwrt 35fec487e3
    _renamed("iptables", "iptables-nft", "22.03", 19956, why="The same commands by way of nftables."),
    _renamed("ip6tables", "ip6tables-nft", "22.03", 19956, why="The same commands by way of nftables."),
    # openwrt b75425370d
    _dropped(("kmod-nft-nat6",), "22.03", 20282, is_mandatory=True, why="It is part of kmod-nft-nat."),
    # packages f1c69d0e6c
    _renamed("miniupnpd", "miniupnpd-nftables", "22.03", why="The firewall is made with nftables."),
    # packages b9b9929591
    _renamed("mtr", "mtr-nojson", "22.03", why="mtr-json is the one with JSON."),
    # packages 534b538598
    _renamed("youtube-dl", "yt-dlp", "22.03", why="yt-dlp goes on where youtube-dl ended."),
    # packages df4bd5eef5
    _renamed("forked-daapd", "owntone", "22.03"),
    # packages 47eca64cb8, luci 11073e5ee5
    _merged(("vpn-policy-routing", "vpnbypass"), "pbr", "22.03", why="pbr does what both did."),
    _merged(
        ("luci-app-vpn-policy-routing", "luci-app-vpnbypass"), "luci-app-pbr", "22.03", why="pbr does what both did."
    ),
)

_23_05 = (
    # openwrt 2630e5063d and 4bcc3fd3d2
    _renamed("libustream-wolfssl", "libustream-mbedtls", "23.05", 21994, why="Mbed TLS is the default for TLS."),
    _renamed("px5g-wolfssl", "px5g-mbedtls", "23.05", 21994, why="Mbed TLS is the default for TLS."),
    _renamed("wpad-basic-wolfssl", "wpad-basic-mbedtls", "23.05", 21994, why="Mbed TLS is the default for TLS."),
    _default(("libustream-mbedtls",), "23.05", 21994),
    # packages e84f651453
    _renamed("acme-dnsapi", "acme-acmesh-dnsapi", "23.05"),
    # packages be69e34ce3, luci 81fc75739c
    _renamed("simple-adblock", "adblock-fast", "23.05"),
    _renamed("luci-app-simple-adblock", "luci-app-adblock-fast", "23.05"),
    # luci 6e6fce3eb4
    _renamed("luci-app-wireguard", "luci-proto-wireguard", "23.05", why="Its page is part of luci-proto-wireguard."),
    # packages 8027ea5c0f
    _dropped(("antfs-mount",), "23.05", why="Its kernel module was removed."),
)

_24_10 = (
    # openwrt e772b75d5d
    _dropped(("kmod-brcm-wl", "kmod-brcm-wl-mini", "nas", "wl", "wlc"), "24.10", 24996, why="This driver was removed."),
    # luci 744564d58c
    _dropped(("luci-app-diag-core",), "24.10", 25984, is_mandatory=True, why=_NOT_MAINTAINED),
    # packages 3a998e1021
    _renamed("auc", "owut", "24.10", 26792, why="owut asks for images where auc did."),
    # luci bcd13b918e
    _renamed("luci-app-opkg", "luci-app-package-manager", "24.10", 27897, why="It serves opkg and apk."),
    # packages ad14af942c
    _renamed("nginx", "nginx-ssl", "24.10", why="nginx only stood for nginx-ssl."),
    _renamed("nginx-mod-luci-ssl", "nginx-mod-luci", "24.10", why="It only stood for nginx-mod-luci."),
    # packages 7013ea4bce
    _renamed("snmpd", "snmpd-nossl", "24.10", why="snmpd-ssl is the one with SNMPv3 by TLS."),
    # luci 6cd54b43eb, f19649b7be, 148863ed8e, 8265e370db, e6b413c5b8
    _dropped(
        (
            "luci-app-ahcp",
            "luci-app-dnscrypt-proxy",
            "luci-app-ntpc",
            "luci-app-polipo",
            "luci-app-shadowsocks-libev",
        ),
        "24.10",
        why=_NOT_MAINTAINED,
    ),
)

_25_12 = (
    # openwrt 40b8fbaa97
    _renamed("opkg", "apk-mbedtls", "25.12", 28056, why="apk manages the packages."),
    # packages e84f651453: in 24.10 it only stands for the other, in 25.12 it is a name that the other provides
    _renamed("acme", "acme-acmesh", "25.12"),
    # packages 14bff6e90e
    _dropped(("nft-qos",), "25.12", why="It did not work any more."),
    # packages e058c0dac3
    _dropped(("mjpg-streamer",), "25.12", why=_NOT_MAINTAINED),
)

OPENWRT_CHANGES = (*_18_06, *_19_07, *_21_02, *_22_03, *_23_05, *_24_10, *_25_12)
