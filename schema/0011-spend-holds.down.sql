drop table spend_holds;
