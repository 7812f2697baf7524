-- Rights: PUBLIC gets nothing but the constructors of the range types, which read nothing and without which
-- no range could be written. Provisioning gives the security groups their rights: ipam.grant_rights().

REVOKE ALL ON SCHEMA ipam FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ipam FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA ipam FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA ipam FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ipam.inetrange(inet, inet), ipam.inetrange(inet, inet, text), ipam.inetmultirange(),
    ipam.inetmultirange(ipam.inetrange), ipam.inetmultirange(ipam.inetrange[]) TO PUBLIC;
