#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# What CGI.pm makes of a request: fields, an upload, cookies, a status of its own, a redirection.
use strict;
use warnings;
use CGI;
use Digest::SHA qw(sha1_hex);

my $q    = CGI->new;
my $path = $q->path_info;
if ( $path eq '/away' ) {
    print $q->redirect( -uri => 'http://example.org/there', -status => 303 );
    exit;
}
if ( $path eq '/gone' ) {
    print $q->header( -type => 'text/plain', -status => '410 Gone for good' ), "gone\n";
    exit;
}
print $q->header(
    -type    => 'text/plain',
    -charset => 'utf-8',
    -cookie  => [ $q->cookie( 'seen', ( $q->cookie('seen') // 0 ) + 1 ), $q->cookie( 'other', 'a b' ) ],
);
print 'method=',       $q->request_method,        "\n";
print 'script_name=',  $q->script_name,           "\n";
print 'path_info=',    $path,                     "\n";
print 'url=',          $q->url( -path_info => 1 ), "\n";
print 'seen=',         $q->cookie('seen') // '',  "\n";
print "field $_=", join( '|', $q->multi_param($_) ), "\n" for sort grep { $_ ne 'file' } $q->multi_param;

if ( my $file = $q->upload('file') ) {
    binmode $file;
    my $content = do { local $/; <$file> };
    print 'file ', $q->param('file') . '', ' ', length $content, ' ', sha1_hex($content), "\n";
}
