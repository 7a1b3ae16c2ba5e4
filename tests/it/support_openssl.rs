//! Keys, signatures and a certificate that the `openssl` program (3.0) made; the private halves were thrown away.
//!
//! That program shares nothing with Curfew: what it signed must verify here. Made with `openssl genpkey`, `openssl pkey
//! -pubout` and `openssl dgst -sign`; the DER of the ECDSA signatures was turned into `r || s`.

/// What the signatures below are over.
pub(crate) const MESSAGE: &str = "eyJhbGciOiJhbnkifQ.eyJpc3MiOiJodHRwczovL29wLmV4YW1wbGUifQ";

/// A key, and signatures over [`MESSAGE`] in base64url by algorithm.
pub(crate) struct Signed {
    /// What it is.
    pub(crate) name: &'static str,
    /// `BEGIN PUBLIC KEY`.
    pub(crate) pem: &'static str,
    /// By the name of the algorithm.
    pub(crate) signatures: &'static [(&'static str, &'static str)],
}

/// Keys that are accepted.
pub(crate) const SIGNED: [Signed; 6] = [
    Signed {
        name: "RSA 2048",
        pem: "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA19g0asSitIhc2GsP8eYn
r2hHem0KpnTRpSKJbz70+Ys4h2G8Laoguqn83sA8cQBTl5VNAP85DBL559L0NTHt
l2a0dye5GZicjUks6v9hRTDTVqUtt7A4AIjgNZVLSFsJ1iZje8GtqJMWpaZWJog5
X1W8zSGhTycf223zHEy60/mzkN0Ea+WNoxLqftlXS2zueTdGA1K+UlZC8XUKQjs1
BCJaTAnQ5Ko/Cu19uRMpvYTxByzhdmh/O7t/3lyXDJz9y8D24ChlSqwx8YemYvXG
e4sSKynR+vFU32/cCRj6c72aFiuwyEk7t3g5ufKcQ+SbM/7+wqx4Cvj0kAGFfsqW
SwIDAQAB
-----END PUBLIC KEY-----
",
        signatures: &[
            (
                "RS256",
                "isHusvFVqDAs-5AfwJdqH97NBEc-JYHDPStta0lcevCdyypdJ6sLbhcGSpWOIXD-SdgOyU_9pi54bA9AfUGd\
     TRjJaU_tDyEdbcjNtAxY_Mj1-w76IbDiQPfq1jsZzeuTePaBU4TwMDIOHfZDngxczOsNFw2wnOfdQBAwoxoI\
     EdFGQxFnqdAyz_jsyHrxpgxcK9VCxI3wSg1rvbx79_s3feMQolNDQ0UrXaEjOYx0AS8apr64T_1GrUrEiI-3\
     rKONwNxc8GYtmnsgJdn_o599oYzOCHgwQrzu0FBwYOfxizTApVnhg4-6Enz4Psy7NBDDv09BNmQCx3v1u0Gi\
     vgZBeg",
            ),
            (
                "RS384",
                "12hqsjd0dzkrJ9gePM6FPb-uvr6u4TqxihLjoEbZxmDtfGliFQIn9yG8-uW497g91lbvtDGJxgnnp7Jjs69g\
     WS6wwdgiebS4nc5IHGk9zfwev2lC4i9ryOTKok3lItB8t1VjGlyb0moBPQNTt-UjGcFKSI8zEwxkYxlOjdbI\
     LIlR6TSywkDUkqDOgWV2vB3DitqTqLlwr9oZKt_WfJxayXN7hUuiSkp-O2rmc_4O7ZxZAAhdZeSjhQHwIxCo\
     HqtJ0eEiSIYAT9xE55MeNCa0g-zsE79ZA-u-cKtR3wjg_lkyKtRl86ltNK8aHlYhHoJuaSFeXv7a6VPVyA43\
     HoTgNA",
            ),
            (
                "RS512",
                "hjPxmy_d7WaOFKMz-KMXxUkDU_MOUtCvtYFvG0haOBxjZqg1veOsTM4pEAYMLepW_ERbHUPmwFdDhUF3rtKW\
     lmzL6_Zkrpu0cpOm8gSQYe9N_rMAJfuaO9mq-rPa4yqAPlDgnU8PAZzV0o2ROly6iFhK0KTeRv1-SKprDOZB\
     CpqJJVGLd2gLh5fnT1AosTxPyuyaOAu3s_TwzCxQfKmceYF2UdvqyuzIhq3iCE6ON5vcQLl8vqeWGdqowBhL\
     cvRdQ5Z-jgGYBNHKatizjKXQl6wfJHPNgEdopiVR9hbvVQDVwRinbD7g5r9dmSzh27O7aZ-vYb8rD1QY3yUE\
     cWY06Q",
            ),
            (
                "PS256",
                "lWRD8eYCHoHGkcmiRsTuvFvx0hWwPzSnlbIBda0Y63K6Hj1ITEt-eWLzyYAoYqfBEQ8CaHSYvssMmduSsb4Y\
     iwn32maukUn7W_A4fzABFYrJhu3baTD7XoZ_OFQrCXDNqhWiOaXt9wk7yx5QIv2yciGe4p4N_julPVcUUOnA\
     GzGLcaOHcj3G3u4GSsdlZlb-9b79neP0mYg4azVqgSXXuU1rJccu3bl-FaQHqoNlw8P1lWG9zUQuyTY0GZaU\
     kNCAVOO3aqdHbRirCO7zj2OOuVvLGg21NfA025JwSm7uZcjjQJGI9B5UaxedwUxnnPRZPH0QyPzS-pxV5_6W\
     NBvNug",
            ),
            (
                "PS384",
                "QDdsymZZYEOwFr6C03Si0pn6byvvjAfKae2L7g7w7_p4bMxW-JdXsfrDO2rFWDMDYMrk9reO6se7PigyRe87\
     P0ZKiowrorGQ672B6Yu5GNoWn87oLAdd4lepx7cgqvlCQO1W2HsWBvG0DQ04nmQ0mvjWvhuszeUWrCGAvO-1\
     d-ObTwTjRNb7EKjGP1dW6gLWLjbySXxyE1YUubhdj1l2aPDsQujlkRR83fezWNGwY3hFfV-LQr9gZIUVK-2V\
     _iYvF4N-VsADm3bOiTiWSJ0iv3xk_CI3QGKVzJb42zzoPez5zxH1zX9JvwmWz_NQ9J8DMVOEJG8Ky9TlPH7P\
     eCELCQ",
            ),
            (
                "PS512",
                "za_dP5FdLoPRq34HY6j584wPLUEgiL5OPA8cL8sUFzEwLnV8NGW0Bo6FrjiUqejahKmeqYzJcJF_r_wYQl-T\
     znWAuSuR2UUE7yZrDugs5p3avhH8Fp-PFnMngzALpT6J0GA9dACiHSWwxP9NngxoXRporH0gqpEZOIEYmUXT\
     U3Hrkj3oRKLRUv7irDQod8RtlyINov0-yyXS_2EdFpqtHHXLyFZf1wcv8jxQSdJ-gVcdbcAV0gefNSLfDhez\
     EjAtgb5u_t_JFlTTWGJu79XMNWmJIKmtByleTmtobBxjG9Iye17G_DP2oIQ1_lBoynPxt-teXhAhV9tc6NwA\
     WbJaaw",
            ),
        ],
    },
    Signed {
        name: "RSA 2048 as in PKCS #1",
        pem: "-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEA19g0asSitIhc2GsP8eYnr2hHem0KpnTRpSKJbz70+Ys4h2G8Laog
uqn83sA8cQBTl5VNAP85DBL559L0NTHtl2a0dye5GZicjUks6v9hRTDTVqUtt7A4
AIjgNZVLSFsJ1iZje8GtqJMWpaZWJog5X1W8zSGhTycf223zHEy60/mzkN0Ea+WN
oxLqftlXS2zueTdGA1K+UlZC8XUKQjs1BCJaTAnQ5Ko/Cu19uRMpvYTxByzhdmh/
O7t/3lyXDJz9y8D24ChlSqwx8YemYvXGe4sSKynR+vFU32/cCRj6c72aFiuwyEk7
t3g5ufKcQ+SbM/7+wqx4Cvj0kAGFfsqWSwIDAQAB
-----END RSA PUBLIC KEY-----
",
        signatures: &[
            (
                "RS256",
                "isHusvFVqDAs-5AfwJdqH97NBEc-JYHDPStta0lcevCdyypdJ6sLbhcGSpWOIXD-SdgOyU_9pi54bA9AfUGd\
     TRjJaU_tDyEdbcjNtAxY_Mj1-w76IbDiQPfq1jsZzeuTePaBU4TwMDIOHfZDngxczOsNFw2wnOfdQBAwoxoI\
     EdFGQxFnqdAyz_jsyHrxpgxcK9VCxI3wSg1rvbx79_s3feMQolNDQ0UrXaEjOYx0AS8apr64T_1GrUrEiI-3\
     rKONwNxc8GYtmnsgJdn_o599oYzOCHgwQrzu0FBwYOfxizTApVnhg4-6Enz4Psy7NBDDv09BNmQCx3v1u0Gi\
     vgZBeg",
            ),
            (
                "PS512",
                "za_dP5FdLoPRq34HY6j584wPLUEgiL5OPA8cL8sUFzEwLnV8NGW0Bo6FrjiUqejahKmeqYzJcJF_r_wYQl-T\
     znWAuSuR2UUE7yZrDugs5p3avhH8Fp-PFnMngzALpT6J0GA9dACiHSWwxP9NngxoXRporH0gqpEZOIEYmUXT\
     U3Hrkj3oRKLRUv7irDQod8RtlyINov0-yyXS_2EdFpqtHHXLyFZf1wcv8jxQSdJ-gVcdbcAV0gefNSLfDhez\
     EjAtgb5u_t_JFlTTWGJu79XMNWmJIKmtByleTmtobBxjG9Iye17G_DP2oIQ1_lBoynPxt-teXhAhV9tc6NwA\
     WbJaaw",
            ),
        ],
    },
    Signed {
        name: "P-256",
        pem: "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExpe9kqRupdaPHzJISZHk1waGyt9w
1JrwrG1gcoUs1Ij6RUiVQZtSzhWYQ4PR6oOdE5VN/8lq+LWOg6ojnliGDA==
-----END PUBLIC KEY-----
",
        signatures: &[(
            "ES256",
            "iE1biN_RkqaH3_MySvbm8WWgYJRNKhSFm7HqL_43pzsIsRpYsdJKMWhhqh_DiaR5Uk3SIQbQSqjrG0Xl46XjBw",
        )],
    },
    Signed {
        name: "P-384",
        pem: "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAETve7fZMCGH7sBFjoFw+92ZPU/mRoWmU5
ozVVpZaohyenRFX5K83+8Ajc2GbwGme/bTt46fB0nY+rLkuR+JUE+y/eBe9cAlIH
XcsmkRbzHEQB3amLcY9KtbQo7AZ9Ej0B
-----END PUBLIC KEY-----
",
        signatures: &[(
            "ES384",
            "F-52fHT3KlkBe0yxUMHysmcA_MP2O2iBy_p2Co5h7p-J6SBdQ1lUsD7puwJN3zVTrxuHAX6n2345-ZK17m4c\
     8cr4DAI6kQlnomE5chdP8fg4-NXC_D43UGqhMqceLTXO",
        )],
    },
    Signed {
        name: "P-521",
        pem: "-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAxzphz4MtIMHlRRkFCp4KL3h3049g
5ZqtAHx2MTmLTTXJOgcFPbk++vAUmUmkxVTpeCWs9NUSt85jpb9UaSL+IasAoqSe
S8zaZyAUZrhT2LlUCSZyPiupxbr3s12Q1Afi34FSIl4ESoC7Fe8Ehz6wCRhCIcC1
UNK9tYx3Dvdv0Mwzm5w=
-----END PUBLIC KEY-----
",
        signatures: &[(
            "ES512",
            "AB5EOkryqxDM4Lyvm4nqh4ZbgkrRmg5E-NPOddDuu2G_qtxpLcRlZTPJiV1stg2s5a7HglMJT4GOa5c8vVi1\
     wgERAN-FmGK7QmYPEDUiDHNdPthZ_w6W-tGvhBJPihT5v2ml-8p-wPivxXMBm_hSX8rRjUOD7jPSw2twbovA\
     tfgZSd9w",
        )],
    },
    Signed {
        name: "Ed25519",
        pem: "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA6y00vGVdDyvkNrjwIM7E00RwEYAdws4JaF+qdyJH4g0=
-----END PUBLIC KEY-----
",
        signatures: &[(
            "EdDSA",
            "Wsj68hcaVkTQ3fNFaLqDPbxTEwmKn_6-lhtOL8bJ2HTBDC0Q5IhXP9xpMJb-u_GoI10xYibJQ5TUPw8-rEhyAA",
        )],
    },
];

/// PS256 by the RSA 2048 key with a salt of 20 bytes, where RFC 7518, section 3.5, wants 32.
pub(crate) const SHORT_SALT: &str = "\
     EUvC_wtXGFYVHa8gp4-2aQO89Qsf1qeQrNs_FLrC_yFHFGAsK85nQ1bBdVTnX3saj14ld9GJ9BvT_9gC41hL\
     RqAeBgrnC_hMFdAQQVagVvjIz7uQuI6Y9-WDYWKiPccx0aq7rF1KKOn4JBF_hTmKoKvQbz9TebpKABV3SzrJ\
     3xSQ-IQ_Pp5dSwGnR8U7nu2Ykb-r0z4XLFB6i0QEmakhrZxiBqSMHvFNiLPVy2WuR8-JbVBijT_DvZ6reOIy\
     k5B-jJpcJR-tNcUkJ4ZqLCbF8TodEPu-wwIAw_81mIh3gA_gO8JHac_nrAGGu25ZiC6_31yzJPId93mUTVvb\
     dOTNpQ";

/// Public keys that are not accepted.
pub(crate) const UNFIT: [(&str, &str); 7] = [
    (
        "secp256k1",
        "-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEV109V64JW5UjoUDtX5BVxFVXT08kn+E8
DNtM+O8YrGOt+AQPI/Hvb+DDGrD+pWzEPD0ckJyWhSOi0gVyaWeZoQ==
-----END PUBLIC KEY-----
",
    ),
    (
        "brainpoolP256r1",
        "-----BEGIN PUBLIC KEY-----
MFowFAYHKoZIzj0CAQYJKyQDAwIIAQEHA0IABGNhU6dU6Xp81n1HUZssLXq5cFW5
xEj7SX0eJ8XfM+fUOecr3pI3FykviA58dd6CMvmk7pErC9pUNDtAICMJfQ4=
-----END PUBLIC KEY-----
",
    ),
    (
        "P-256, compressed point",
        "-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACxpe9kqRupdaPHzJISZHk1waGyt9w
1JrwrG1gcoUs1Ig=
-----END PUBLIC KEY-----
",
    ),
    (
        "P-256, explicit parameters",
        "-----BEGIN PUBLIC KEY-----
MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABHoRhEcZ6Fh02UBHD7EA9+l5
naUTLByplofoPw/z3nxwi0IRue4GoQYeFtvfTxE6jjZh/g/c7otZK6n0Og8EZ4s=
-----END PUBLIC KEY-----
",
    ),
    (
        "Ed448",
        "-----BEGIN PUBLIC KEY-----
MEMwBQYDK2VxAzoAysBgB31UkeTjm5MaxyahCjqotn2IOMp/uUIv/Jr8Eg0O7WqZ
JUBKaPlJO8PiO8i9lJ8peDUFBEwA
-----END PUBLIC KEY-----
",
    ),
    (
        "X25519",
        "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEAnYs7SDiPvHG+52y2RDJOMG3AhgyBT7G58z5vaTzqvBI=
-----END PUBLIC KEY-----
",
    ),
    (
        "RSA bound to PSS",
        "-----BEGIN PUBLIC KEY-----
MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAOIuA+yKFpidD/lQHu5nos8G
1u/lVUrCT3K3wUhzlyzr6Cr1Lg9PEfc5HkCedjz38VxxEqPf2VY+Uhgr+oJNQFEE
ZFxZoUH/6vrs7FKbWhcS0V873pZwfVfGfJC5Gz7Km9LkWu1qK49mb2ZTGMgSVOiY
GIbkAHc9qC/zy6od5OtyfbrC7KA95tycHPLUjOPbJY89bZWLMvg2vSBw+L7ufO+t
VhuzBNM29dHPtU85VMyAUzzwkuBzyFDfT8HJsFyK730K93we3uz8TL1BkbLkarwu
NVigbpPvdbx+lde63A8nsDW8+6rudD4rgCYGjOcVkBTI8PTfmKcnTK+Q/LF0y/sC
AwEAAQ==
-----END PUBLIC KEY-----
",
    ),
];

/// A public RSA key of 1024 bits.
pub(crate) const WEAK_RSA: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDE7Ml4eEeO5FFsc6Z8iPov91X6
wo12V6h4ikACSIatfIguZJhAgcpBBQMKVf70O7wd3CTIHZnn+PHsZk3gcZ3NLNg6
Zcy/iFVWtK16P4sct5MD0gVZHGS2ZQ/YqFSPUvf4xxq6M7wz+mNWW656En6S+TGU
jJzNvGRJfwp5uzgaeQIDAQAB
-----END PUBLIC KEY-----
";

/// A self-signed certificate of the P-256 key.
pub(crate) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUGAN2B3+/SsLCkwgPCHi52MBvRvIwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKb3AuZXhhbXBsZTAeFw0yNjExMjMwMDA4NThaFw0zNjExMjAw
MDA4NThaMBUxEzARBgNVBAMMCm9wLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATGl72SpG6l1o8fMkhJkeTXBobK33DUmvCsbWByhSzUiPpFSJVBm1LO
FZhDg9Hqg50TlU3/yWr4tY6DqiOeWIYMo1MwUTAdBgNVHQ4EFgQUdIhPDOjR0hXe
necBNhRssOttI/MwHwYDVR0jBBgwFoAUdIhPDOjR0hXenecBNhRssOttI/MwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEApqL7dnhyQElUA9vspQ5h
pDbYakr73mbptkomTDVR8fkCIQC71F1y7DPyBTt7NqM36sq5iP5IyRunU1Lt64s7
1YGOUA==
-----END CERTIFICATE-----
";

/// The modulus of that RSA key of 1024 bits, as a JWK has it.
pub(crate) const WEAK_MODULUS: &str = "\
     xOzJeHhHjuRRbHOmfIj6L_dV-sKNdleoeIpAAkiGrXyILmSYQIHKQQUDClX-9Du8HdwkyB2Z5_jx7GZN4HGd\
     zSzYOmXMv4hVVrStej-LHLeTA9IFWRxktmUP2KhUj1L3-McaujO8M_pjVluuehJ-kvkxlIyczbxkSX8Kebs4\
     Gnk";

/// A token by that key, of `https://rsa.example` with `kid` "weak", issued at 1,780,000,000 for an hour.
pub(crate) const WEAK_TOKEN: &str = "\
     eyJhbGciOiJSUzI1NiIsImtpZCI6IndlYWsiLCJ0eXAiOiJhdCtqd3QifQ.eyJpc3MiOiJodHRwczovL3JzY\
     S5leGFtcGxlIiwic3ViIjoiYW5uIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZSIsImlhdCI6MTc4MDAwM\
     DAwMCwiZXhwIjoxNzgwMDAzNjAwfQ.P9tdn-tZL1cv-t1ow_fkIrnQcrbk47-_vZb9mgHLci96F9PKLuMS1z\
     LbDV9ja_1Pe_Osti4bhwnfd8F6i-oXQ-MollqiHZBgj73hgLxRDcjWskciRRQh28nvoSJwzO6RFfv1LAi1wa\
     LCLr7s2uEXJVv7ZUNyaTZchYr0HnTdgyU";
